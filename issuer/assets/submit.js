// Sends the answer of an authorization request at once (OAuth 2.0 Form Post Response Mode). Without
// scripts the person presses the button. The form may have a field of any name, even `submit`.
"use strict";
for (const form of document.querySelectorAll("form[data-submit]")) {
  HTMLFormElement.prototype.submit.call(form);
}
