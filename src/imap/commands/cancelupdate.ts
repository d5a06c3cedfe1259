import { command } from "../command.ts";
import { bad } from "../refusal.ts";
import { newsOf } from "../search/news.ts";

/** CANCELUPDATE: RFC 5267 §4.3.5. */
export const cancelUpdate = command({
  name: "CANCELUPDATE",
  state: "selected",
  parse(reader) {
    const tags: string[] = [];
    do tags.push(reader.sp().string());
    while (reader.peekIs(" "));
    return tags;
  },
  run(session, tags) {
    const news = newsOf(session, session.selected);
    for (const tag of tags) if (!news.has(tag)) throw bad(`No updates of "${tag}"`);
    for (const tag of tags) news.forget(tag);
  },
});
