// Reads [{expression, states, millis}] from the first argument's file and prints the values, as JSONata's own implementation finds them.
"use strict";
const fs = require("fs");
const jsonata = require(process.argv[3]);

async function main() {
  const values = [];
  for (const one of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
    const expression = jsonata(one.expression);
    expression.registerFunction("millis", () => one.millis);
    expression.registerFunction("now", () => new Date(one.millis).toISOString());
    const value = await expression.evaluate(undefined, { states: one.states });
    values.push(value === undefined ? "NOTHING" : value);
  }
  console.log(JSON.stringify(values));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
