// Some guides show fragments: here is what each section takes for granted, so that they compile.

const express = `
import express from 'express'
import passport from 'passport'
const app: any = express()
`

/** By document and heading. */
export const surroundings = {
  'docs/frameworks.md': {
    Express: express,
    'Express with cookie-session': `${express}; import cookieSession from 'cookie-session'`,
    Koa: 'const router: any = {}',
    Fastify: `
import createFastify from 'fastify'
import secureSession from '@fastify/secure-session'
import { HuggingFaceStrategy } from 'passport-huggingface'
const app: any = createFastify()
const key = Buffer.alloc(32)
declare global { var passport: any }
const options = { clientID: 'some-id' }
const verify = async () => true
`,
    NestJS: `
import { type ExecutionContext, HttpException, Injectable } from '@nestjs/common'
import { AuthGuard, PassportStrategy } from '@nestjs/passport'
import { type HuggingFaceAuthenticateOptions, type HuggingFaceProfile, HuggingFaceStrategy } from 'passport-huggingface'
`,
    'Several servers': `
import passport from 'passport'
import { HuggingFaceStrategy, SessionStateStore } from 'passport-huggingface'
const options = { clientID: 'some-id' }
const verify = async () => true
`,
  },
}
