// Evaluates expressions with the reference implementation of JSONata.
// Reads from stdin [{"text", "known"}, …]; writes [{"value"} or {"error"}, …], without a value where it is undefined.
const { createHash } = require("node:crypto");
const jsonata = require("jsonata");

// a function that Step Functions adds
const hash = (content, algorithm) => createHash(algorithm.replace("-", "")).update(content).digest("hex");

async function evaluate({ text, known }) {
  try {
    return { value: await jsonata(text).evaluate(undefined, { ...known, hash }) };
  } catch (error) {
    return { error: error.message };
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const asked = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  const answers = [];
  for (const one of asked) answers.push(await evaluate(one));
  process.stdout.write(JSON.stringify(answers));
}

main();
