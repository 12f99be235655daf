// Judges BOMs by the official CycloneDX schemas: check_bom.js SCHEMA-FOLDER BOM... ; exit 0 valid, 1 with what is wrong, 77 without ajv.
"use strict";
const fs = require("fs");
const path = require("path");
// Debian's node-ajv is here, where a node from elsewhere does not look by itself.
process.env.NODE_PATH = [process.env.NODE_PATH, "/usr/share/nodejs", "/usr/lib/nodejs"].filter(Boolean).join(":");
require("module").Module._initPaths();
let Ajv;
try {
  Ajv = require("ajv");
} catch (error) {
  process.exit(77);
}
const [folder, ...boms] = process.argv.slice(2);
const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
// Formats that this ajv has not: the two that matter are judged by plain rules, the other two by JSON having them as text.
const formats = { "iri-reference": /^[^\s<>"{}|\\^`]*$/, "idn-email": /^[^\s@]+@[^\s@]+\.[^\s@]+$/ };
const ajv = new Ajv({ allErrors: true, unknownFormats: ["string", "media-type"], formats, logger: false });
for (const name of fs.readdirSync(folder)) {
  const schema = read(path.join(folder, name));
  if (!/draft-07/.test(schema.$schema || "")) continue;
  ajv.addSchema(schema);
}
let wrong = 0;
for (const file of boms) {
  const bom = read(file);
  const validate = ajv.getSchema(`http://cyclonedx.org/schema/bom-${bom.specVersion}.schema.json`);
  if (!validate) {
    console.log(`${file}: no schema for ${bom.specVersion}`);
    wrong = 1;
  } else if (!validate(bom)) {
    for (const error of validate.errors.slice(0, 20)) console.log(`${file}: ${error.dataPath} ${error.message} ${JSON.stringify(error.params)}`);
    wrong = 1;
  }
}
process.exit(wrong);
