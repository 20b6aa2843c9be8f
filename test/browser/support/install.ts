import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../../package.json'

const project = join(__dirname, '../../..')

/** Puts an example where it sees nothing but the dependencies it declares, and this package as it was built. */
export function installExample(name: string): { directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), `${name}-`))
  cpSync(join(project, 'examples', name), directory, { recursive: true, filter: (source) => !source.endsWith('node_modules') })
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const wanted = { ...dependencies, ...devDependencies }
  if (wanted['passport-huggingface'] !== `^${version}`) {
    throw new Error(`examples/${name} has to depend on passport-huggingface ^${version}, which is what is here`)
  }
  mkdirSync(join(directory, 'node_modules'))
  for (const dependency of Object.keys(wanted)) {
    const place = dependency === 'passport-huggingface' ? project : join(project, 'node_modules', dependency)
    symlinkSync(place, join(directory, 'node_modules', dependency), 'junction')
  }
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
