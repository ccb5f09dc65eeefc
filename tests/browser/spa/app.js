// A single-page application with `oidc-client-ts`: a public client with PKCE whose tokens are renewed with refresh tokens,
// since its silent frames would need third-party cookies.
"use strict";
const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

const start = async () => {
  const settings = await (await fetch("/settings.json")).json();
  const manager = new oidc.UserManager({
    ...settings,
    redirect_uri: `${location.origin}/`,
    post_logout_redirect_uri: `${location.origin}/`,
    scope: "openid profile",
    loadUserInfo: true,
    automaticSilentRenew: false,
  });
  const render = (user, state) => {
    show("user", user?.profile.preferred_username ?? "");
    show("state", state);
  };

  document.getElementById("sign-in").addEventListener("click", () => manager.signinRedirect());
  document.getElementById("sign-out").addEventListener("click", () => manager.signoutRedirect());
  document.getElementById("refresh").addEventListener("click", async () => {
    if (!(await manager.getUser())) return render(null, "signed out: nobody is here");
    show("state", "refreshing");
    try {
      render(await manager.signinSilent(), "refreshed");
    } catch (error) {
      await manager.removeUser();
      render(null, `signed out: ${error.error ?? error.message}`);
    }
  });

  const answer = new URLSearchParams(location.search);
  if (answer.has("code") || answer.has("error")) {
    try {
      render(await manager.signinCallback(), "signed in");
    } catch (error) {
      render(null, `failed: ${error.error ?? error.message}`);
    }
    history.replaceState(null, "", "/");
  } else {
    render(await manager.getUser(), "ready");
  }
};

start();
