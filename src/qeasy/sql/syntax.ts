import { EmbeddedActionsParser, type IToken, type ParserMethod, type TokenType } from "chevrotain";
import {
  And, AndSign, As, Bang, Between, Case, Cast, Close, Comma, Compare, Convert, Div, Else, End, False, For, From, In, Interval, Is, Like, Lookup, Mod, Not, Null, Numeral, Open, Or, OrSign, Position, Product, Regexp, Side, Sign, Template, Text, Then, tokens, Trim, True, Using, When, Word, Xor,
} from "./tokens.ts";
import type { Leaves, Node } from "./tree.ts";
import { bool, parseNumber } from "./values.ts";

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
