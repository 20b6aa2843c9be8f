// Some guides show fragments. Here is what they leave out, so that they compile.

const express = `
import express from 'express'
import passport from 'passport'
const app: any = express()
`

/** By document and heading. */
export const surroundings = {
  'docs/frameworks.md': { 'Express with cookie-session': express, Fastify: `const app: any = 0; const passport: any = 0;` },
  'docs/nestjs.md': { 'With the Fastify adapter': "import type { FastifyReply, FastifyRequest } from 'fastify'; const app: any = 0;" },
  'docs/linking.md': {
    'Link with passReqToCallback': `
import 'express-session'
declare module 'express-session' { interface SessionData { linkTo?: string } }
const users: any = 0
const app: any = 0
`,
  },
}

/** A fragment, among what it leaves out. It begins in the third line then. */
export function surrounded(sample) {
  const around = surroundings[sample.document]?.[sample.heading]
  if (around === undefined || sample.file || sample.text.includes('.listen(')) return sample
  return { ...sample, line: sample.line - 2, text: `${around.trim().replaceAll('\n', '; ')}\n\n${sample.text}`, isFragment: true }
}
