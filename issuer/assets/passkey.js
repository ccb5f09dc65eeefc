// Passkeys (Web Authentication Level 3). Shows the forms that need them, offers them where the username
// is filled in, and posts what the browser answers as the field `credential`. Says in the login form
// whether the browser could keep one. Whatever goes wrong, the rest of the page works as before.
"use strict";
{
  const BINARY = ["challenge", "id"];
  let autofill = new AbortController();

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));

  const toText = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  // §5.1.8 and §5.1.9: in JSON, what is binary is written in base64url.
  const decoded = (options) => {
    const copy = { ...options };
    for (const name of BINARY) if (typeof copy[name] === "string") copy[name] = toBytes(copy[name]);
    if (copy.user) copy.user = decoded(copy.user);
    for (const name of ["allowCredentials", "excludeCredentials"]) {
      if (copy[name]) copy[name] = copy[name].map(decoded);
    }
    return copy;
  };

  // §5.1.7: `RegistrationResponseJSON` and `AuthenticationResponseJSON`.
  const encoded = (credential) => {
    const { response } = credential;
    const fields = { clientDataJSON: toText(response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) fields[name] = toText(response[name]);
    }
    if (response.getTransports) fields.transports = response.getTransports();
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: fields,
    });
  };

  const send = (form, credential) => {
    form.elements.credential.value = encoded(credential);
    HTMLFormElement.prototype.submit.call(form);
  };

  const ask = (form, more) => {
    const publicKey = decoded(JSON.parse(form.dataset.options));
    const isNew = form.dataset.passkey === "create";
    return navigator.credentials[isNew ? "create" : "get"]({ publicKey, ...more });
  };

  // §5.1.4: offers passkeys among what the browser fills in, until the button is pressed.
  const offer = async (form) => {
    autofill = new AbortController();
    const { signal } = autofill;
    try {
      if (!(await PublicKeyCredential.isConditionalMediationAvailable())) return;
      send(form, await ask(form, { mediation: "conditional", signal }));
    } catch {
      // The form of the password is still there.
    }
  };

  const press = async (form) => {
    const failed = form.querySelector("[data-failed]");
    failed.textContent = "";
    autofill.abort();
    try {
      send(form, await ask(form));
    } catch {
      failed.textContent = failed.dataset.failed;
      if (form.dataset.passkey === "autofill") offer(form);
    }
  };

  // §5.1.6: whether there is something that knows its user by more than their presence.
  const capable = document.querySelector("input[name=passkey_capable]");
  if (capable) {
    window.PublicKeyCredential?.isUserVerifyingPlatformAuthenticatorAvailable?.().then(
      (isAvailable) => (capable.value = isAvailable ? "yes" : ""),
      () => {},
    );
  }

  for (const form of window.PublicKeyCredential ? document.querySelectorAll("form[data-passkey]") : []) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      press(form);
    });
    if (form.dataset.passkey === "autofill") offer(form);
  }
}
