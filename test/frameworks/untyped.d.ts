// Packages without types of their own: what the test apps use of them.

type Middleware = (req: import('express').Request, res: import('express').Response, next: import('express').NextFunction) => void

declare module 'cookie-session' {
  const session: (options: { secret: string; sameSite: 'lax' }) => Middleware
  export default session
}

declare module 'express-session' {
  const session: (options: {
    secret: string
    resave: boolean
    saveUninitialized: boolean
    store?: object
    cookie?: { sameSite?: 'lax'; secure?: boolean }
  }) => Middleware
  export default session
}

/** Express 4, close enough to 5. */
declare module 'express4' {
  export { default } from 'express'
}
