// Compile-only: Nest 12 and Nest 11.
import { Injectable } from '@nestjs/common'
import { AuthGuard, PassportStrategy } from '@nestjs/passport'
import { type HuggingFaceProfile, HuggingFaceStrategy } from 'passport-huggingface'
import { options } from './expect.js'
import { PassportStrategy as PassportStrategy11 } from './nest-11.js'

@Injectable()
export class SignIn extends PassportStrategy(HuggingFaceStrategy) {
  constructor() {
    super({ ...options, scope: ['openid', 'profile', 'email'] })
  }

  async validate(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
    return { id: profile.id }
  }
}

@Injectable()
export class SignInWithRequest extends PassportStrategy(HuggingFaceStrategy, 'another name') {
  constructor() {
    super({ ...options, passReqToCallback: true, profileSource: 'id_token' })
  }

  validate(req: { ip?: string }, _accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
    return { ip: req.ip, id: profile.id }
  }

  override authorizationParams(options: object): object {
    return { ...super.authorizationParams(options), theme: 'dark' }
  }
}

export class SignIn11 extends PassportStrategy11(HuggingFaceStrategy, 'huggingface') {
  constructor() {
    super({ ...options, stateSecret: 'some-secret' })
  }

  validate(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
    return profile
  }
}

export class WrongOption extends PassportStrategy(HuggingFaceStrategy) {
  constructor() {
    // @ts-expect-error: Passport spells it clientID
    super({ clientId: 'some-id' })
  }

  validate(): boolean {
    return true
  }
}

export class HuggingFaceGuard extends AuthGuard('huggingface') {}
export async function refresh(signIn: SignIn): Promise<string> {
  return (await signIn.refreshAccessToken('some-token')).accessToken
}
