// What the pages gain from JavaScript. Every page works without it.
import {
  initButtons,
  initCheckboxes,
  initErrorSummary,
  initHeader,
  initNotificationBanners,
  initPasswordInputs,
  initRadios,
  initSkipLinks
} from 'nhsuk-frontend'

// The stock page sets these classes in an inline script, which the content security policy forbids.
document.body.classList.add('js-enabled', 'nhsuk-frontend-supported')

for (const init of [
  initButtons,
  initCheckboxes,
  initErrorSummary,
  initHeader,
  initNotificationBanners,
  initPasswordInputs,
  initRadios,
  initSkipLinks
]) {
  init()
}

for (const button of document.querySelectorAll('[data-app-print]')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}

// A passkey that is refused, cancelled or unknown to this device says so on the page, not only in the console.
document.addEventListener('allauth.error', () => {
  const place = document.querySelector('[data-app-passkey-error]')
  if (place) {
    place.hidden = false
    place.focus()
  }
})
