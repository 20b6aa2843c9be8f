// As Nest's starter has it, with CommonJS and decorators: prints where the sign-in begins.
import 'reflect-metadata'
import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport'
import { type HuggingFaceProfile, HuggingFaceStrategy } from 'passport-huggingface'
import { startHub } from 'passport-huggingface/testing'

@Injectable()
class SignIn extends PassportStrategy(HuggingFaceStrategy) {
  constructor() {
    super({ clientID: 'some-id', clientSecret: 'some-secret', callbackURL: 'http://localhost/auth/huggingface/callback' })
  }

  validate(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
    return { id: profile.id }
  }
}

@Controller('auth/huggingface')
class SignInController {
  @Get()
  @UseGuards(AuthGuard('huggingface'))
  begin() {}
}

@Module({ imports: [PassportModule], controllers: [SignInController], providers: [SignIn] })
class AppModule {}

async function main() {
  if (typeof startHub !== 'function') throw new Error('passport-huggingface/testing did not load')
  const app = await NestFactory.create(AppModule, { logger: ['error'] })
  await app.listen(0, '127.0.0.1')
  const { status, headers } = await fetch(`${await app.getUrl()}/auth/huggingface`, { redirect: 'manual' })
  console.log(status, headers.get('location'))
  await app.close()
}
main()
