import { createToken, EmbeddedActionsParser, type IToken, Lexer, type ParserMethod, type TokenType } from "chevrotain";
import type { Segment } from "../template.ts";
import type { Sql } from "./values.ts";
import { bool, parseNumber } from "./values.ts";

/** A piece of a quoted text: literal, template, or a lookup (its place in the expression's list). */
export type Part = Segment | { lookup: number };

/** An expression as a tree. Operators are calls as well, named by their sign or word in capitals. */
export type Node =
  | { value: Sql }
  | { text: Part[] }
  | { template: Segment }
  | { lookup: number }
  /** A word without brackets: a unit, or CURRENT_TIMESTAMP and the like. */
  | { word: string }
  | { call: string; args: Node[] };

/** What the parser asks of those who know templates and lookups. */
export interface Leaves {
  /** Gets the text with its quotes. */
  quoted: (image: string) => Part[];
  template: (image: string) => Node;
  lookup: (image: string) => number;
}

const Word = createToken({ name: "Word", pattern: /[A-Za-z_]\w*/ });
const keywords: TokenType[] = [];
function keyword(word: string): TokenType {
  const token = createToken({ name: `Keyword${word}`, pattern: new RegExp(word, "i"), longer_alt: Word });
  keywords.push(token);
  return token;
}
const [Case, When, Then, Else, End] = ["CASE", "WHEN", "THEN", "ELSE", "END"].map(keyword) as [TokenType, TokenType, TokenType, TokenType, TokenType];
const And = keyword("AND");
const Or = keyword("OR");
const Xor = keyword("XOR");
const Not = keyword("NOT");
const Interval = keyword("INTERVAL"); // before IN, with which it begins
const In = keyword("IN");
const Between = keyword("BETWEEN");
const Is = keyword("IS");
const Null = keyword("NULL");
const Like = keyword("LIKE");
const Regexp = keyword("(?:REGEXP|RLIKE)");
const Mod = keyword("MOD");
const Div = keyword("DIV");
const As = keyword("AS");
const From = keyword("FROM");
const For = keyword("FOR");
const Using = keyword("USING");
const Side = keyword("(?:LEADING|TRAILING|BOTH)");
const True = keyword("TRUE");
const False = keyword("FALSE");
const Trim = keyword("TRIM");
const Position = keyword("POSITION");
const Cast = keyword("CAST");
const Convert = keyword("CONVERT");
/** What would reach tables or a database; a comment may hide such things. */
export const Forbidden = createToken({ name: "Forbidden", pattern: /(?:SELECT|INTO|UNION)\b|;|--(?=\s)|\/\*|#|@|`/i });
export const FullWidth = createToken({ name: "FullWidth", pattern: /[，、‘’“”（）；：＝＋－＊／＜＞！％｜＆。]/ });
/** Anything else, so that the lexer drops nothing and the parser says where. A function: chevrotain takes `[\s\S]` for fewer characters than it is. */
const Other = createToken({ name: "Other", pattern: { exec: (text: string, at: number): [string] => [text.charAt(at)] }, line_breaks: true });
export const Lookup = createToken({ name: "Lookup", pattern: /_findCollection\s+(?:(?:(?!_findCollection\s)[\s\S])*?_endFind|[^,)]*)/, line_breaks: true });
const Template = createToken({ name: "Template", pattern: /\{?\{\{[^{}]*\}\}|\{[A-Z_0-9]+(?:\|[^{}]*)?\}/, line_breaks: true });
const Text = createToken({ name: "Text", pattern: /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/, line_breaks: true });
const Numeral = createToken({ name: "Number", pattern: /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?/ });
const Space = createToken({ name: "Space", pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });
const Open = createToken({ name: "Open", pattern: "(" });
const Close = createToken({ name: "Close", pattern: ")" });
const Comma = createToken({ name: "Comma", pattern: "," });
const AndSign = createToken({ name: "AndSign", pattern: "&&" });
const OrSign = createToken({ name: "OrSign", pattern: "||" });
const Compare = createToken({ name: "Compare", pattern: /<=>|<=|>=|<>|!=|[=<>]/ });
const Bang = createToken({ name: "Bang", pattern: "!" });
const Sign = createToken({ name: "Sign", pattern: /[+-]/ });
const Product = createToken({ name: "Product", pattern: /[*/%]/ });

const tokens = [Space, Forbidden, Lookup, Template, Text, Numeral, ...keywords, Word, Open, Close, Comma, AndSign, OrSign, Compare, Bang, Sign, Product, FullWidth, Other];
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

type Rule = ParserMethod<[], Node>;
const call = (name: string, ...args: Node[]): Node => ({ call: name, args });

class ExpressionParser extends EmbeddedActionsParser {
  leaves!: Leaves;

  readonly whole: Rule = this.RULE("whole", () => this.SUBRULE(this.expression));

  private readonly expression: Rule = this.RULE("expression", () => this.chain(this.exclusive, [[Or, "OR"], [OrSign, "OR"]]));
  private readonly exclusive: Rule = this.RULE("exclusive", () => this.chain(this.conjunction, [[Xor, "XOR"]]));
  private readonly conjunction: Rule = this.RULE("conjunction", () => this.chain(this.negation, [[And, "AND"], [AndSign, "AND"]]));

  private readonly negation: Rule = this.RULE("negation", () => {
    let odd = false;
    this.MANY(() => {
      this.CONSUME(Not);
      odd = !odd;
    });
    const operand = this.SUBRULE(this.comparison);
    return odd ? call("NOT", operand) : operand;
  });

  private readonly comparison: Rule = this.RULE("comparison", () => {
    let left = this.SUBRULE(this.sum);
    this.MANY(() => {
      left = this.OR([
        { ALT: () => call(this.CONSUME(Compare).image, left, this.SUBRULE1(this.sum)) },
        { ALT: () => this.isNull(left) },
        { ALT: () => this.membership(left) },
      ]);
    });
    return left;
  });

  private isNull(left: Node): Node {
    this.CONSUME(Is);
    const not = this.OPTION1(() => this.CONSUME1(Not)) !== undefined;
    const test = this.OR1([
      { ALT: () => (this.CONSUME(Null), call("IS NULL", left)) },
      { ALT: () => (this.CONSUME(True), call("IS TRUE", left)) },
      { ALT: () => (this.CONSUME(False), call("IS FALSE", left)) },
    ]);
    return not ? call("NOT", test) : test;
  }

  private membership(left: Node): Node {
    const not = this.OPTION2(() => this.CONSUME2(Not)) !== undefined;
    const test = this.OR2([
      {
        ALT: () => {
          this.CONSUME(In);
          return this.SUBRULE(this.list, { ARGS: [left] });
        },
      },
      {
        ALT: () => {
          this.CONSUME(Between);
          const from = this.SUBRULE2(this.sum);
          this.CONSUME2(And);
          return call("BETWEEN", left, from, this.SUBRULE3(this.sum));
        },
      },
      { ALT: () => (this.CONSUME(Like), call("LIKE", left, this.SUBRULE4(this.sum))) },
      { ALT: () => (this.CONSUME(Regexp), call("REGEXP", left, this.SUBRULE5(this.sum))) },
    ]);
    return not ? call("NOT", test) : test;
  }

  private readonly list: ParserMethod<[Node], Node> = this.RULE("list", (left: Node) => {
    const items: Node[] = [];
    this.CONSUME(Open);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => items.push(this.SUBRULE(this.expression)) });
    this.CONSUME(Close);
    return call("IN", left, ...items);
  });

  private readonly sum: Rule = this.RULE("sum", () => {
    let left = this.SUBRULE(this.product);
    this.MANY(() => {
      const sign = this.CONSUME(Sign).image;
      left = this.OR([
        { ALT: () => call(sign === "+" ? "DATE_ADD" : "DATE_SUB", left, this.SUBRULE(this.interval)) },
        { ALT: () => call(sign, left, this.SUBRULE1(this.product)) },
      ]);
    });
    return left;
  });

  private readonly product: Rule = this.RULE("product", () => {
    let left = this.SUBRULE(this.unary);
    this.MANY(() => {
      const operator = this.OR([
        { ALT: () => this.CONSUME(Product).image },
        { ALT: () => (this.CONSUME(Div), "DIV") },
        { ALT: () => (this.CONSUME(Mod), "%") },
      ]);
      left = call(operator, left, this.SUBRULE1(this.unary));
    });
    return left;
  });

  private readonly unary: Rule = this.RULE("unary", () => {
    const signs: string[] = [];
    this.MANY(() => signs.push(this.OR([{ ALT: () => this.CONSUME(Sign) }, { ALT: () => this.CONSUME(Bang) }]).image));
    const operand = this.SUBRULE(this.primary);
    return signs.filter((sign) => sign !== "+").reduceRight<Node>((node, sign) => call(sign === "-" ? "NEGATE" : "NOT", node), operand);
  });

  private readonly interval: Rule = this.RULE("interval", () => {
    this.CONSUME(Interval);
    const amount = this.SUBRULE(this.sum);
    return call("INTERVAL", amount, { word: this.CONSUME(Word).image.toUpperCase() });
  });

  private readonly primary: Rule = this.RULE("primary", () =>
    this.OR([
      { ALT: () => this.leaf(this.CONSUME(Text), (image) => ({ text: this.leaves.quoted(image) })) },
      { ALT: () => this.leaf(this.CONSUME(Numeral), (image) => ({ value: parseNumber(image) })) },
      { ALT: () => this.leaf(this.CONSUME(Template), (image) => this.leaves.template(image)) },
      { ALT: () => this.leaf(this.CONSUME(Lookup), (image) => ({ lookup: this.leaves.lookup(image) })) },
      { ALT: () => (this.CONSUME(Null), { value: null }) },
      { ALT: () => (this.CONSUME(True), { value: bool(true) }) },
      { ALT: () => (this.CONSUME(False), { value: bool(false) }) },
      { ALT: () => this.SUBRULE(this.choice) },
      { ALT: () => this.SUBRULE(this.trim) },
      { ALT: () => this.SUBRULE(this.conversion) },
      { ALT: () => this.SUBRULE(this.position) },
      { ALT: () => this.SUBRULE(this.named) },
      {
        ALT: () => {
          this.CONSUME(Open);
          const inner = this.SUBRULE(this.expression);
          this.CONSUME(Close);
          return inner;
        },
      },
    ]),
  );

  private readonly choice: Rule = this.RULE("choice", () => {
    this.CONSUME(Case);
    const subject = this.OPTION(() => this.SUBRULE(this.expression));
    const branches: Node[] = [];
    this.AT_LEAST_ONE(() => {
      this.CONSUME(When);
      branches.push(this.SUBRULE1(this.expression));
      this.CONSUME(Then);
      branches.push(this.SUBRULE2(this.expression));
    });
    this.OPTION1(() => {
      this.CONSUME(Else);
      branches.push(this.SUBRULE3(this.expression));
    });
    this.CONSUME(End);
    return subject === undefined ? call("CASE", ...branches) : call("CASE OF", subject, ...branches);
  });

  private readonly trim: Rule = this.RULE("trim", () => {
    this.CONSUME(Trim);
    this.CONSUME(Open);
    let side = "BOTH";
    this.OPTION(() => {
      side = this.CONSUME(Side).image.toUpperCase();
    });
    let what: Node = { text: [{ text: " " }] };
    let from: Node | undefined;
    this.OPTION1(() => {
      what = this.SUBRULE(this.expression);
    });
    this.OPTION2(() => {
      this.CONSUME(From);
      from = this.SUBRULE1(this.expression);
    });
    this.CONSUME(Close);
    return from === undefined ? call("TRIM", what) : call("TRIM", from, what, { word: side });
  });

  private readonly conversion: Rule = this.RULE("conversion", () => {
    const name = this.OR([{ ALT: () => this.CONSUME(Cast) }, { ALT: () => this.CONSUME(Convert) }]);
    this.CONSUME(Open);
    const operand = this.SUBRULE(this.expression);
    const type = this.OR1([
      { ALT: () => (this.CONSUME(As), this.SUBRULE(this.typeName)) },
      { ALT: () => (this.CONSUME(Comma), this.SUBRULE1(this.typeName)) },
      { ALT: () => (this.CONSUME(Using), this.CONSUME1(Word), call("CHAR")) },
    ]) as Extract<Node, { call: string }>;
    this.CONSUME(Close);
    return this.ACTION(() => call("CAST", operand, { word: type.call }, ...type.args)) ?? { word: name.image };
  });

  private readonly typeName: Rule = this.RULE("typeName", () => {
    const name = this.CONSUME(Word).image.toUpperCase();
    const sizes: Node[] = [];
    this.OPTION(() => this.CONSUME1(Word)); // SIGNED INTEGER
    this.OPTION1(() => {
      this.CONSUME(Open);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => sizes.push(this.leaf(this.CONSUME(Numeral), (image) => ({ value: parseNumber(image) }))) });
      this.CONSUME(Close);
    });
    return call(name, ...sizes);
  });

  private readonly position: Rule = this.RULE("position", () => {
    this.CONSUME(Position);
    this.CONSUME(Open);
    const part = this.SUBRULE(this.sum);
    this.CONSUME(In);
    const text = this.SUBRULE(this.expression);
    this.CONSUME(Close);
    return call("LOCATE", part, text);
  });

  /** A function, or a word alone. `FROM` and `FOR` separate arguments as well, as in SUBSTRING and EXTRACT. */
  private readonly named: Rule = this.RULE("named", () => {
    let word = "";
    this.OR([{ ALT: () => (word = this.CONSUME(Word).image.toUpperCase()) }, { ALT: () => (word = this.CONSUME(Mod).image.toUpperCase()) }]);
    let args: Node[] | undefined;
    this.OPTION(() => {
      args = [];
      this.CONSUME(Open);
      this.OPTION1(() => {
        args!.push(this.SUBRULE(this.argument));
        this.MANY(() => {
          this.OR1([{ ALT: () => this.CONSUME(Comma) }, { ALT: () => this.CONSUME(From) }, { ALT: () => this.CONSUME(For) }]);
          args!.push(this.SUBRULE1(this.argument));
        });
      });
      this.CONSUME(Close);
    });
    return args === undefined ? { word } : call(word, ...args);
  });

  private readonly argument: Rule = this.RULE("argument", () =>
    this.OR([{ ALT: () => this.SUBRULE(this.interval) }, { ALT: () => this.SUBRULE(this.expression) }]),
  );

  constructor() {
    super(tokens, { maxLookahead: 2 });
    this.performSelfAnalysis();
  }

  /** Left-associative operators of one rank. */
  private chain(operand: Rule, operators: [TokenType, string][]): Node {
    let left = this.SUBRULE(operand);
    this.MANY(() => {
      const name = this.OR(operators.map(([token, name]) => ({ ALT: () => (this.CONSUME(token), name) })));
      left = call(name, left, this.SUBRULE1(operand));
    });
    return left;
  }

  /** Leaves are read only from real tokens, not while chevrotain records the grammar. */
  private leaf(token: IToken, read: (image: string) => Node): Node {
    return this.ACTION(() => read(token.image)) ?? { value: null };
  }
}

const parser = new ExpressionParser();

/** The tree of an expression, or what is wrong with it. */
export function parse(list: IToken[], leaves: Leaves): Node | { problem: string } {
  parser.leaves = leaves;
  parser.input = list;
  const node = parser.whole();
  const error = parser.errors[0];
  if (error === undefined) return node;
  const at = error.token.image === "" ? "at its end" : `at ${JSON.stringify(error.token.image)}`;
  return { problem: at };
}
