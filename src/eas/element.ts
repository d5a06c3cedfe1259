/**
 * A request as a tree: requests are small and commands want to look at them in any order. Answers are written straight
 * with `WbxmlWriter`.
 */
import { createHash } from "node:crypto";
import { nameOf, type Tag } from "../wire/wbxml/code-pages.ts";
import { WbxmlError, WbxmlReader } from "../wire/wbxml/reader.ts";

export class Element {
  readonly tag: Tag;
  readonly children: Element[] = [];
  /** Text and opaque content as they came; empty for an element of elements. */
  content: Buffer = Buffer.alloc(0);

  constructor(tag: Tag) {
    this.tag = tag;
  }

  /** `AirSync:Sync`, for logs and traces. */
  get name(): string {
    return nameOf(this.tag) ?? "unknown";
  }

  get text(): string {
    return this.content.toString("utf8");
  }

  child(tag: Tag): Element | undefined {
    return this.children.find((child) => child.tag === tag);
  }

  all(tag: Tag): Element[] {
    return this.children.filter((child) => child.tag === tag);
  }

  textOf(tag: Tag): string | undefined {
    return this.child(tag)?.text;
  }

  /** A whole number, or undefined when it is missing or none. */
  numberOf(tag: Tag): number | undefined {
    const text = this.textOf(tag);
    return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /** MS-ASDTYPE booleans: an empty element means true; `missing` when it is not there. */
  flagOf(tag: Tag, missing: boolean): boolean {
    const child = this.child(tag);
    return child === undefined ? missing : child.content.length === 0 || child.text === "1";
  }
}

/** Elements in one request: a bound on what a small document may unfold to. */
const MAX_ELEMENTS = 200_000;

/** @throws WbxmlError */
export function parseElement(bytes: Buffer): Element {
  const reader = new WbxmlReader(bytes);
  const open: Element[] = [];
  let root: Element | undefined;
  let count = 0;
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    const top = open.at(-1);
    switch (event.kind) {
      case "start": {
        if (++count > MAX_ELEMENTS) throw new WbxmlError("too many elements");
        const element = new Element(event.tag);
        if (top !== undefined) top.children.push(element);
        else if (root === undefined) root = element;
        else throw new WbxmlError("more than one root element");
        if (!event.empty) open.push(element);
        break;
      }
      case "end":
        open.pop();
        break;
      default:
        if (top === undefined) throw new WbxmlError("text outside of elements");
        top.content = top.content.length === 0 ? event.bytes : Buffer.concat([top.content, event.bytes]);
    }
  }
  if (root === undefined) throw new WbxmlError("no element");
  return root;
}

/** SHA-1 of an element with all that is in it. */
export function digestOf(element: Element): Buffer {
  const hash = createHash("sha1");
  const add = ({ tag, content, children }: Element): void => {
    hash.update(`<${tag}:${content.length}:${children.length}>`);
    hash.update(content);
    for (const child of children) add(child);
  };
  add(element);
  return hash.digest();
}
