import 'reflect-metadata'
import { type NestParts, testNest } from './nest'

testNest('NestJS 12', async (): Promise<NestParts> => {
  // one after the other: Jest does not link modules that share parts at the same time
  const common = await import('@nestjs/common')
  const core = await import('@nestjs/core')
  return { common, core, passport: await import('@nestjs/passport') }
})
