// Signing in with user name and password.
import { h, show } from "./dom.js";
import { field, setFault } from "./form.js";

export function signInForm(notice, signIn) {
  const name = h("input", { autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { type: "password", autocomplete: "current-password", required: true });
  const passwordField = field("password", "Password", password, {
    hint: "That of the first user is in credentials.json in the data directory.",
  });
  const button = h("button.primary", "Sign in");
  const form = h("form.panel", { method: "post" },
    h(".body.form", field("username", "User name", name), passwordField, h("div", button)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    setFault(passwordField, null);
    try {
      await signIn({ username: name.value.trim(), password: password.value });
    } catch (problem) {
      setFault(passwordField, problem.sentence);
      password.select();
    } finally {
      button.disabled = false;
    }
  });
  const told = h("p.notice", { role: "status" });
  return [h("h1", "pollhook"), notice ? show(told, notice) : null, form];
}
