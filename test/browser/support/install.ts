import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../../package.json'

const project = join(__dirname, '../../..')

/** Copies an example to a place where it finds only the dependencies it declares, and the built package. */
export function installExample(name: string): { directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), `${name}-`))
  cpSync(join(project, 'examples', name), directory, { recursive: true, filter: (source) => !source.endsWith('node_modules') })
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const wanted = { ...dependencies, ...devDependencies }
  if (wanted['passport-huggingface'] !== `^${version}`) {
    throw new Error(`examples/${name} must depend on passport-huggingface ^${version}`)
  }
  mkdirSync(join(directory, 'node_modules'))
  for (const dependency of Object.keys(wanted)) {
    const place = dependency === 'passport-huggingface' ? project : join(project, 'node_modules', dependency)
    symlinkSync(place, join(directory, 'node_modules', dependency), 'junction')
  }
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
