import { createToken, type IToken, Lexer, type TokenType } from "chevrotain";

/** The words and signs of an expression. The order is that in which the lexer tries them. */

export const Word = createToken({ name: "Word", pattern: /[A-Za-z_]\w*/ });
const keywords: TokenType[] = [];
function keyword(word: string): TokenType {
  const token = createToken({ name: `Keyword${word}`, pattern: new RegExp(word, "i"), longer_alt: Word });
  keywords.push(token);
  return token;
}
export const Case = keyword("CASE");
export const When = keyword("WHEN");
export const Then = keyword("THEN");
export const Else = keyword("ELSE");
export const End = keyword("END");
export const And = keyword("AND");
export const Or = keyword("OR");
export const Xor = keyword("XOR");
export const Not = keyword("NOT");
export const Interval = keyword("INTERVAL"); // before IN, with which it begins
export const In = keyword("IN");
export const Between = keyword("BETWEEN");
export const Is = keyword("IS");
export const Null = keyword("NULL");
export const Like = keyword("LIKE");
export const Regexp = keyword("(?:REGEXP|RLIKE)");
export const Mod = keyword("MOD");
export const Div = keyword("DIV");
export const As = keyword("AS");
export const From = keyword("FROM");
export const For = keyword("FOR");
export const Using = keyword("USING");
export const Side = keyword("(?:LEADING|TRAILING|BOTH)");
export const True = keyword("TRUE");
export const False = keyword("FALSE");
export const Trim = keyword("TRIM");
export const Position = keyword("POSITION");
export const Cast = keyword("CAST");
export const Convert = keyword("CONVERT");
/** What would reach tables or a database; a comment may hide such things. */
export const Forbidden = createToken({ name: "Forbidden", pattern: /(?:SELECT|INTO|UNION)\b|;|--(?=\s)|\/\*|#|@|`/i });
export const FullWidth = createToken({ name: "FullWidth", pattern: /[，、‘’“”（）；：＝＋－＊／＜＞！％｜＆。]/ });
/** Anything else, so that the lexer drops nothing and the parser says where. A function: chevrotain takes `[\s\S]` for fewer characters than it is. */
const Other = createToken({ name: "Other", pattern: { exec: (text: string, at: number): [string] => [text.charAt(at)] }, line_breaks: true });
export const Lookup = createToken({ name: "Lookup", pattern: /_findCollection\s+(?:(?:(?!_findCollection\s)[\s\S])*?_endFind|[^,)]*)/, line_breaks: true });
export const Template = createToken({ name: "Template", pattern: /\{?\{\{[^{}]*\}\}|\{[A-Z_0-9]+(?:\|[^{}]*)?\}/, line_breaks: true });
export const Text = createToken({ name: "Text", pattern: /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/, line_breaks: true });
export const Numeral = createToken({ name: "Number", pattern: /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?/ });
const Space = createToken({ name: "Space", pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });
export const Open = createToken({ name: "Open", pattern: "(" });
export const Close = createToken({ name: "Close", pattern: ")" });
export const Comma = createToken({ name: "Comma", pattern: "," });
export const AndSign = createToken({ name: "AndSign", pattern: "&&" });
export const OrSign = createToken({ name: "OrSign", pattern: "||" });
export const Compare = createToken({ name: "Compare", pattern: /<=>|<=|>=|<>|!=|[=<>]/ });
export const Bang = createToken({ name: "Bang", pattern: "!" });
export const Sign = createToken({ name: "Sign", pattern: /[+-]/ });
export const Product = createToken({ name: "Product", pattern: /[*/%]/ });

export const tokens = [Space, Forbidden, Lookup, Template, Text, Numeral, ...keywords, Word, Open, Close, Comma, AndSign, OrSign, Compare, Bang, Sign, Product, FullWidth, Other];
const lexer = new Lexer(tokens, { positionTracking: "onlyOffset" });

export function tokenize(text: string): IToken[] {
  return lexer.tokenize(text).tokens;
}

export function isToken(token: IToken, type: TokenType): boolean {
  return token.tokenType === type;
}

export function nestingOf(list: readonly IToken[]): number {
  let depth = 0;
  let deepest = 0;
  for (const { tokenType } of list) {
    if (tokenType === Open || tokenType === Case) deepest = Math.max(deepest, ++depth);
    if (tokenType === Close || tokenType === End) depth--;
  }
  return deepest;
}
