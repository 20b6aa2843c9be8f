import session from 'express-session'
import express4 from 'express4'
import { battery } from './battery'
import { expressApp } from './express'

const expressSession = () => session({ secret: 'the secret of the sessions', resave: false, saveUninitialized: false })

battery('Express 5 with express-session', { start: expressApp({ session: expressSession }), session: true })
battery('Express 5 without a session', { start: expressApp({}), session: false })
battery('Express 5 with passport.authenticate(instance)', { start: expressApp({ byInstance: true }), session: false })
battery('Express 4 with express-session', { start: expressApp({ create: express4, session: expressSession }), session: true })
