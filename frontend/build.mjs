// Makes static/build/ from frontend/: one style sheet, one script, and the pictures that the style sheet names.
// Django gives the files their hashed names and WhiteNoise compresses them, so nothing of that happens here.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { compile } from 'sass'

const here = dirname(fileURLToPath(import.meta.url))
const packages = join(here, '..', 'node_modules')
const out = join(here, '..', 'static', 'build')

rmSync(out, { recursive: true, force: true })
mkdirSync(join(out, 'images'), { recursive: true })

const { css } = compile(join(here, 'app.scss'), { loadPaths: [packages], quietDeps: true, style: 'compressed' })
if (css.includes('//assets.') || css.includes('Frutiger')) {
  throw new Error('The style sheet names a font server or a font that is not ours.')
}
writeFileSync(join(out, 'app.css'), css)

const pictures = new Set([...css.matchAll(/url\("images\/([\w-]+\.svg)"\)/g)].map(([, name]) => name))
for (const name of pictures) {
  copyFileSync(join(packages, 'nhsuk-frontend/dist/nhsuk/assets/images', name), join(out, 'images', name))
}

await build({
  entryPoints: [join(here, 'app.js')],
  outfile: join(out, 'app.js'),
  bundle: true,
  format: 'esm',
  legalComments: 'none',
  logLevel: 'warning',
  minify: true,
  target: 'es2020'
})
