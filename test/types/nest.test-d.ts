// Compile-only: with Nest 12, and in test/package with Nest 11. The guide has the usual strategy.
import { Injectable } from '@nestjs/common'
import { PassportStrategy } from '@nestjs/passport'
import { type HuggingFaceProfile, HuggingFaceStrategy } from 'passport-huggingface'
import { options } from './expect.js'

@Injectable()
export class Named extends PassportStrategy(HuggingFaceStrategy, 'another name') {
  constructor() {
    super({ ...options, passReqToCallback: true, profileSource: 'id_token' })
  }

  validate(req: { ip?: string }, _accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
    return { ip: req.ip, id: profile.id }
  }
}
export const refresh = async (signIn: Named) => (await signIn.refreshAccessToken('some-token')).accessToken

export abstract class WrongOption extends PassportStrategy(HuggingFaceStrategy) {
  constructor() {
    // @ts-expect-error: it is spelled clientID
    super({ clientId: 'some-id' })
  }
}
