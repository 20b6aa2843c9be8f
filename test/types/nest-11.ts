// Nest 11 lives in a workspace of its own, beside Nest 12.
export { PassportStrategy } from '../apps/nest-11/node_modules/@nestjs/passport/dist/index.js'
