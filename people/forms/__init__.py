"""The shape of input: fields with plain-word errors, and the layout objects of the NHS template pack."""
