import 'reflect-metadata'
import { join } from 'node:path'
import { type NestParts, testNest } from './nest'

// a workspace of its own, since Nest 12 stands at the root
const workspace = join(__dirname, '../apps/nest-11')
const load = (name: string) => require(require.resolve(name, { paths: [workspace] }))

testNest('NestJS 11', async (): Promise<NestParts> => {
  const { version } = load('@nestjs/common/package.json')
  if (!version.startsWith('11.')) throw new Error(`the workspace has NestJS ${version}; run npm install`)
  return { common: load('@nestjs/common'), core: load('@nestjs/core'), passport: load('@nestjs/passport') }
})
