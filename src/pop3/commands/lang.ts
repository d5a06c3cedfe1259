import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** RFC 6856 §3.1: "i-default" always, here the same texts as "en". */
const LANGUAGES = new Map([
  ["en", "English"],
  ["i-default", "Default language"],
]);

/** LANG: RFC 6856 §3. There is one language, so nothing has to be remembered. */
export const lang = command({
  name: "LANG",
  state: "any",
  run(_session, argument) {
    if (argument === "") {
      const lines = [...LANGUAGES].map(([tag, name]) => `${tag} ${name}`);
      return ["+OK Language listing follows", ...lines, "."].join("\r\n");
    }
    const tag = argument === "*" ? "i-default" : argument.toLowerCase();
    const name = LANGUAGES.get(tag);
    if (name === undefined) throw new Refusal("Language is not known");
    return `+OK ${tag} ${name}`;
  },
});
