// Builds the cards into the integration: hmm.js, which loads the rest, and a gzip file beside each.
//
//   node build.mjs           build
//   node build.mjs --check   fail if what is committed is not what the source makes
import { build } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../custom_components/hmm/frontend/dist");

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { hmm: "src/hmm.ts" },
  bundle: true,
  preserveSymlinks: true, // The names of the files must not depend on where the packages are
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  outdir: out,
  write: false,
  plugins: [
    {
      // Templates are indented for people; browsers need no more than one space, and none around signs of CSS.
      name: "templates",
      setup: (build) =>
        build.onLoad({ filter: /src\/.*\.ts$/ }, ({ path }) => ({
          contents: readFileSync(path, "utf8")
            .replace(/\n\s+/g, "\n")
            .replace(/css`[^`$]*`/g, (styles) => styles.replace(/\s*([{};,])\s*/g, "$1").replace(/:\s+/g, ":").replace(/;}/g, "}")),
          loader: "ts",
        })),
    },
  ],
});
const files = new Map(outputFiles.map(({ path, contents }) => [path.slice(out.length + 1), Buffer.from(contents)]));
// The cards of the first screen, and what they import
const cards = [[...files.keys()].find((name) => name.startsWith("cards-"))];
for (const name of cards) {
  const imported = [...files.get(name).toString().matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)].map(([, file]) => file);
  cards.push(...imported.filter((file) => !cards.includes(file)));
}
files.set("hmm.js", Buffer.from(files.get("hmm.js").toString().replace("__CARDS__", cards.join(" "))));

if (process.argv.includes("--check")) {
  const committed = readdirSync(out).sort();
  const expected = [...files.keys()].flatMap((name) => [name, `${name}.gz`]).sort();
  const differ = [...files].filter(
    ([name, contents]) =>
      !committed.includes(name) ||
      !contents.equals(readFileSync(join(out, name))) ||
      !committed.includes(`${name}.gz`) ||
      !contents.equals(gunzipSync(readFileSync(join(out, `${name}.gz`)))),
  );
  if (differ.length || String(committed) !== String(expected)) {
    console.error(`Not what the source makes, run "npm run build" in frontend/: ${differ.map(([name]) => name)}`);
    process.exit(1);
  }
} else {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [name, contents] of files) {
    const packed = gzipSync(contents, { level: 9 });
    writeFileSync(join(out, name), contents);
    writeFileSync(join(out, `${name}.gz`), packed);
    console.log(`${name}  ${(packed.length / 1024).toFixed(1)} KB gzipped`);
  }
}
