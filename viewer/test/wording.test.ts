import { expect, it } from "vitest";
import { allWords, isWorded } from "../src/wording";

const sources = import.meta.glob<string>("../src/*.ts", { query: "?raw", import: "default", eager: true });
const files = Object.keys(sources);
const source = (name: string): string => sources[name]!;

it("every text has both languages, with the same fields", () => {
  for (const [key, [english, chinese]] of Object.entries(allWords())) {
    const fields = (words: string): string[] => (words.match(/\{\d\}/g) ?? []).sort();
    expect(fields(chinese), key).toEqual(fields(english));
    if (!["act.slab"].includes(key)) expect(chinese, key).toMatch(/[\u4e00-\u9fff]/);
  }
});

it("every text that the code names is there", () => {
  for (const name of files) {
    for (const [, key] of source(name).matchAll(/\bt\("([\w. -]+)"/g)) expect(isWorded(key!), `${name}: ${key}`).toBe(true);
  }
});

it("every text is used", () => {
  const all = files.filter((name) => !name.endsWith("/wording.ts")).map(source).join("\n");
  const dynamic = /^(plane|obstacle|claim|tool|preset|act|layout|side|lobe|zone|attenuation|change|decision|reason|keys|prior)\./;
  for (const key of Object.keys(allWords())) {
    expect(dynamic.test(key) || all.includes(`"${key}"`), key).toBe(true);
  }
});
