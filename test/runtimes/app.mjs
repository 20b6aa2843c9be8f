// One app in Express and in Koa. It responds with what the sign-in ended in.
import express from 'express'
import Koa from 'koa'
import koaPassport from 'koa-passport'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_HUB_URL: hubURL, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret } = process.env
const client = { hubURL, clientID, clientSecret, timeout: 1000 }
const options = { ...client, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile', 'email'] }
const strategy = new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile)
const state = { from: '/here' }

function outcome(error, user, info, status) {
  if (error) return [error.status, { isError: error instanceof Error, code: error.code }]
  return [user ? 200 : status, { user, info }]
}

const apps = {
  express() {
    passport.use(strategy)
    return express().use((req, res, next) => {
      const respond = (...ended) => {
        const [status, body] = outcome(...ended)
        res.status(status).json(body)
      }
      passport.authenticate('huggingface', { state }, respond)(req, res, next)
    })
  },
  koa() {
    koaPassport.use(strategy)
    return new Koa().use((ctx, next) => {
      const respond = (...ended) => {
        ;[ctx.status, ctx.body] = outcome(...ended)
      }
      return koaPassport.authenticate('huggingface', { state }, respond)(ctx, next)
    })
  },
}

const server = apps[process.argv[2]]().listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
