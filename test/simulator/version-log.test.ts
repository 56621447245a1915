import * as fc from "fast-check";
import { expect, it } from "vitest";
import { KIND, type Kind, VersionLog } from "../../src/simulator/jushuitan/version-log.ts";
import { withoutId } from "../../src/simulator/json-bytes.ts";

it("counts and finds rows of each view as a plain list would, also after growing", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Kind>(KIND.none, KIND.live, KIND.archived), { maxLength: 3000 }), (kinds) => {
      const log = new VersionLog(1);
      kinds.forEach((kind, at) => {
        log.append(at * 2, at, at);
        log.setKind(at, KIND.live);
        log.setKind(at, kind);
      });
      for (const view of ["live", "archived", "both"] as const) {
        const places = kinds.flatMap((kind, at) => (kind !== KIND.none && (view === "both" || (kind === KIND.live) === (view === "live")) ? [at] : []));
        expect(log.countBefore(view, log.size)).toBe(places.length);
        for (let k = 0; k < places.length; k += 97) expect(log.select(view, k)).toBe(places[k]);
        expect(log.select(view, places.length)).toBe(log.size);
      }
      expect(log.firstVersion(11)).toBe(Math.min(6, kinds.length));
    }),
    { numRuns: 30 },
  );
});

it("cuts out exactly the id that was added", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string().filter((key) => key !== "id" && key !== "__proto__"), fc.jsonValue()), fc.string(), (row, id) => {
      const text = JSON.stringify(row);
      const added = `{"id":${JSON.stringify(id)}${text === "{}" ? "" : ","}${text.slice(1)}`;
      expect(withoutId(Buffer.from(added)).toString()).toBe(text);
      expect(withoutId(Buffer.from(text)).toString()).toBe(text);
    }),
  );
  expect(withoutId(Buffer.from('{ "a":{"id":1} , "id" : "7" }')).toString()).toBe('{ "a":{"id":1}  }');
  expect(withoutId(Buffer.from('{"id":"1","id":"2","a":1}')).toString()).toBe('{"a":1}');
});
