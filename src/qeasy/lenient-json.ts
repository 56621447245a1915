import { createToken, EmbeddedActionsParser, type IToken, Lexer, type ParserMethod, tokenMatcher } from "chevrotain";
import { notice, QeasyError, type Notice, type Report } from "./notice.ts";
import { exactNumber, newMembers, type Members, type Value } from "./value.ts";

/** JSON as people paste it: comments, trailing commas, other quotes, keys without quotes, full-width punctuation. */

const category = (name: string): ReturnType<typeof createToken> => createToken({ name, pattern: Lexer.NA });
const Comma = category("Comma");
const Colon = category("Colon");
const Text = category("Text");
/** Tokens that JSON itself does not have: each one is a repair. */
const Odd = category("Odd");

const Space = createToken({ name: "Space", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true });
const OddSpace = createToken({ name: "a blank that is none in JSON", pattern: /[\s\u200B-\u200D\u2060\uFEFF]/, group: "repairs", line_breaks: true });
const Comment = createToken({ name: "a comment", pattern: /\/\/[^\n\r]*|\/\*[\s\S]*?\*\//, group: "repairs", line_breaks: true });
const Plain = createToken({ name: "a text", pattern: /"(?:[^"\\\r\n]|\\[\s\S])*"/, categories: [Text], line_breaks: true });
const Single = createToken({ name: "single quotes", pattern: /'(?:[^'\\\r\n]|\\[\s\S])*'/, categories: [Text, Odd], line_breaks: true });
const Curly = createToken({ name: "curly or full-width quotes", pattern: /[“”„‟＂](?:[^“”„‟＂"\\\r\n]|\\[\s\S])*[“”„‟＂"]|[‘’](?:[^‘’\\\r\n]|\\[\s\S])*[‘’]/, categories: [Text, Odd], line_breaks: true });
const Word = createToken({ name: "a word without quotes", pattern: /[A-Za-z_$\u00C0-\u024F\u3041-\u30FF\u3400-\u9FFF][\w$.\-\u00C0-\u024F\u3041-\u30FF\u3400-\u9FFF]*/ });
const Numeral = createToken({ name: "Number", pattern: /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/ });
const OpenObject = createToken({ name: "OpenObject", pattern: "{" });
const CloseObject = createToken({ name: "CloseObject", pattern: "}" });
const OpenArray = createToken({ name: "OpenArray", pattern: "[" });
const CloseArray = createToken({ name: "CloseArray", pattern: "]" });
const PlainComma = createToken({ name: "PlainComma", pattern: ",", categories: [Comma] });
const WideComma = createToken({ name: "full-width punctuation", pattern: /[，、]/, categories: [Comma, Odd] });
const PlainColon = createToken({ name: "PlainColon", pattern: ":", categories: [Colon] });
const WideColon = createToken({ name: "full-width punctuation ：", pattern: "：", categories: [Colon, Odd] });
const Other = createToken({ name: "Other", pattern: { exec: (text: string, at: number): [string] => [text.charAt(at)] }, line_breaks: true });

const tokens = [Comma, Colon, Text, Odd, Space, OddSpace, Comment, Plain, Single, Curly, Word, Numeral, OpenObject, CloseObject, OpenArray, CloseArray, PlainComma, WideComma, PlainColon, WideColon, Other];
const lexer = new Lexer(tokens);
const DEEPEST = 100;

class LenientParser extends EmbeddedActionsParser {
  report!: Report;

  readonly value: ParserMethod<[], Value> = this.RULE("value", () =>
    this.OR<Value>([
      { ALT: () => this.SUBRULE(this.object) },
      { ALT: () => this.SUBRULE(this.array) },
      { ALT: () => this.text(this.CONSUME(Text)) },
      { ALT: () => this.number(this.CONSUME(Numeral)) },
      { ALT: () => this.word(this.CONSUME(Word)) },
    ]),
  );

  private readonly object: ParserMethod<[], Members> = this.RULE("object", () => {
    const members = newMembers();
    this.CONSUME(OpenObject);
    this.MANY(() => {
      const token = this.OR([{ ALT: () => this.CONSUME(Text) }, { ALT: () => this.CONSUME(Word) }, { ALT: () => this.CONSUME(Numeral) }]);
      this.CONSUME(Colon);
      const held = this.SUBRULE(this.value);
      this.ACTION(() => this.add(members, token, held));
      this.separator(CloseObject);
    });
    this.CONSUME(CloseObject);
    return members;
  });

  private readonly array: ParserMethod<[], Value[]> = this.RULE("array", () => {
    const items: Value[] = [];
    this.CONSUME(OpenArray);
    this.MANY(() => {
      items.push(this.SUBRULE(this.value));
      this.separator(CloseArray);
    });
    this.CONSUME(CloseArray);
    return items;
  });

  constructor() {
    super(tokens, { maxLookahead: 1 });
    this.performSelfAnalysis();
  }

  /** A comma, or the end; a comma before the end is a repair. */
  private separator(close: typeof CloseArray): void {
    this.OR9([
      {
        ALT: () => {
          const comma = this.CONSUME(Comma);
          this.ACTION(() => {
            if (tokenMatcher(this.LA(1), close)) this.repaired("a trailing comma", comma);
          });
        },
      },
      { GATE: () => tokenMatcher(this.LA(1), close), ALT: () => undefined },
    ]);
  }

  private add(members: Members, token: IToken, held: Value): void {
    const key = tokenMatcher(token, Text) ? this.text(token) : token.image;
    if (!tokenMatcher(token, Text)) this.repaired("a key without quotes", token);
    if (Object.hasOwn(members, key)) this.report(notice("TM_QEASY_DUPLICATE_KEY", at(token), JSON.stringify(key)));
    delete members[key]; // the last one keeps its own place
    members[key] = held;
  }

  private text(token: IToken): string {
    return this.ACTION(() => decode(token.image.slice(1, -1), () => this.repaired("an escape that JSON does not have", token))) ?? "";
  }

  private number(token: IToken): Value {
    return this.ACTION(() => (/^-?0\d/.test(token.image) ? this.unquoted(token) : exactNumber(token.image))) ?? 0;
  }

  private word(token: IToken): Value {
    const known: Record<string, Value> = { true: true, false: false, null: null, True: true, False: false, None: null, undefined: null };
    return this.ACTION(() => {
      if (!Object.hasOwn(known, token.image)) return this.unquoted(token);
      if (!/^(?:true|false|null)$/.test(token.image)) this.repaired(token.image, token);
      return known[token.image]!;
    }) ?? null;
  }

  private unquoted(token: IToken): string {
    this.repaired("a text without quotes", token);
    return token.image;
  }

  private repaired(what: string, token: IToken): void {
    this.report(notice("TM_QEASY_REPAIRED", at(token), what));
  }
}

const parser = new LenientParser();
const at = ({ startLine, startColumn }: IToken): string => `line ${startLine}, column ${startColumn}`;
const ESCAPES: Record<string, string> = { '"': '"', "'": "'", "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** The characters of a text; a backslash before anything else stays, as in class paths. */
function decode(inside: string, odd: () => void): string {
  return inside.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (whole, hex: string | undefined, char: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (char === "'" || !Object.hasOwn(ESCAPES, char)) odd();
    return ESCAPES[char] ?? whole;
  });
}

/** A value that was read from a text, and where it ends there. */
export interface LenientValue {
  value: Value;
  end: number;
}

/**
 * Reads the one JSON value that begins at `start`; what follows it is not looked at.
 * @throws QeasyError TM_QEASY_JSON with line and column, for text that is cut off as well
 */
export function readLenient(text: string, start: number, report: Report): LenientValue {
  // Blank, so that lines and columns are those of the whole text.
  const { tokens: all, groups } = lexer.tokenize(text.slice(0, start).replaceAll(/[^\n]/g, " ") + text.slice(start));
  const end = closing(all, text);
  parser.input = all.slice(0, end + 1);
  const found: Notice[] = [];
  parser.report = (each) => found.push(each);
  const value = parser.value();
  const [error] = parser.errors;
  if (error !== undefined) throw broken(text, Number.isNaN(error.token.startOffset) ? all[end] : error.token);
  const last = all[end]!;
  for (const token of [...(groups.repairs ?? []), ...all.slice(0, end + 1).filter((token) => tokenMatcher(token, Odd))]) {
    if (token.startOffset <= last.startOffset) found.push(notice("TM_QEASY_REPAIRED", at(token), token.tokenType.name));
  }
  const seen = new Set<string>();
  for (const each of found) {
    if (each.code === "TM_QEASY_REPAIRED" && seen.has(each.text)) continue; // one line a kind of repair
    seen.add(each.text);
    report(each);
  }
  return { value, end: (last.endOffset ?? last.startOffset) + 1 };
}

/** The place of the token that ends the first value. @throws QeasyError when the text ends before. */
function closing(all: readonly IToken[], text: string): number {
  let depth = 0;
  for (const [place, token] of all.entries()) {
    if (tokenMatcher(token, OpenObject) || tokenMatcher(token, OpenArray)) depth++;
    if (tokenMatcher(token, CloseObject) || tokenMatcher(token, CloseArray)) depth--;
    if (depth > DEEPEST) throw new QeasyError("TM_QEASY_JSON", `the JSON is nested deeper than ${DEEPEST}, at ${at(token)}`, { fix: "Paste the strategy as Qeasy exports it." });
    if (token.tokenType === Other) throw broken(text, token);
    if (depth <= 0) return place;
  }
  const lines = text.split("\n");
  throw new QeasyError("TM_QEASY_JSON", `the JSON is cut off: it ends at line ${lines.length}, column ${lines.at(-1)!.length + 1} with ${depth} open`, {
    fix: "Copy the whole strategy; nothing was imported.",
  });
}

function broken(text: string, token: IToken | undefined): QeasyError {
  const cut = token !== undefined && /^["'“‘]$/.test(token.image) && !text.slice(token.startOffset + 1).includes("\n") ? ": the text that begins there never ends, so the JSON is cut off" : "";
  return new QeasyError("TM_QEASY_JSON", `the JSON cannot be read at ${token === undefined ? "its beginning" : `${at(token)} (${JSON.stringify(token.image)})`}${cut}`, {
    fix: "Correct it there, or copy the whole strategy again; nothing was imported.",
  });
}
