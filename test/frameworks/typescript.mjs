// `node --import` this to run TypeScript with decorators, as a Nest app's own build would compile it.
// With `?nest-11`, the packages of NestJS are those of the workspace, since NestJS 12 stands at the root.
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'

const { search } = new URL(import.meta.url)
if (!search.includes('hooks')) register(`${import.meta.url}${search ? '&' : '?'}hooks`)

const workspace = new URL('../apps/nest-11/package.json', import.meta.url).href

export function resolve(specifier, context, nextResolve) {
  const isFromWorkspace = search.includes('nest-11') && specifier.startsWith('@nestjs/')
  return nextResolve(specifier, isFromWorkspace ? { ...context, parentURL: workspace } : context)
}

export async function load(url, context, nextLoad) {
  if (!/\.m?ts$/.test(url)) return nextLoad(url, context)
  const { transform } = await import('@swc/core')
  const source = await readFile(fileURLToPath(url), 'utf8')
  const { code } = await transform(source, {
    filename: fileURLToPath(url),
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  })
  return { format: 'module', source: code, shortCircuit: true }
}
