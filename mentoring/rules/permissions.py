"""Which right carries which permission in the programme: the one table that views ask (domain.md section 2)."""

from people.rules.permissions import permission
from people.rules.roles import Role

TODAY_READ = permission("today_read", Role.LAY_WORKER)
# The programme lead reads the one record that an alert of hers is about; which, access says.
MOTHER_READ = permission("mother_read", Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD)
CONTACT_RECORD = permission("contact_record", Role.LAY_WORKER)
CONTACT_CORRECT = permission("contact_correct", Role.LAY_WORKER)
APPOINTMENT_AGREE = permission("appointment_agree", Role.LAY_WORKER, Role.MIDWIFE)
PLAN_CHANGE = permission("plan_change", Role.LAY_WORKER, Role.MIDWIFE)
BIRTH_RECORD = permission("birth_record", Role.LAY_WORKER, Role.MIDWIFE)
LOSS_RECORD = permission("loss_record", Role.LAY_WORKER, Role.MIDWIFE, Role.COORDINATOR)
LOSS_FIND = permission("loss_find", Role.COORDINATOR)
LOSS_UNDO = permission("loss_undo", Role.MIDWIFE)
SUPPORT_START = permission("support_start", Role.MIDWIFE)
CASELOAD_READ = permission("caseload_read", Role.MIDWIFE)
MOTHER_REGISTER = permission("mother_register", Role.MIDWIFE)
SAFE_CONTACT_RENEW = permission("safe_contact_renew", Role.MIDWIFE)
PAIRING_MANAGE = permission("pairing_manage", Role.MIDWIFE)
ALERT_ANSWER = permission("alert_answer", Role.MIDWIFE, Role.LEAD)
REQUEST_RECORD = permission("request_record", Role.MIDWIFE)
DUTY_CLOSE = permission("duty_close", Role.MIDWIFE)
ROTA_READ = permission("rota_read", Role.MIDWIFE, Role.LEAD)
ROTA_MANAGE = permission("rota_manage", Role.LEAD)
VISIT_BEGIN = permission("visit_begin", Role.LAY_WORKER)
WORRY_RAISE = permission("worry_raise", Role.LAY_WORKER)
IMPORT_RUN = permission("import_run", Role.MIDWIFE, Role.LEAD)
PROTOCOL_CHANGE = permission("protocol_change", Role.LEAD)
STAFF_MANAGE = permission("staff_manage", Role.ADMINISTRATOR)
CALENDAR_KEEP = permission("calendar_keep", Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD)
EXPORT_TAKE = permission("export_take", Role.COORDINATOR)
