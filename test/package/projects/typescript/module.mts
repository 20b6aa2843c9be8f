import { HubError, type HuggingFaceProfile, HuggingFaceStrategy, SessionStateStore, spaceOptions } from 'passport-huggingface'
import { type Hub, startHub } from 'passport-huggingface/testing'

export const strategy = new HuggingFaceStrategy(
  { clientID: 'some-id', clientSecret: 'some-secret', scope: ['openid', 'profile'], passReqToCallback: true },
  async (req, _accessToken, refreshToken, profile) => ({ address: req.ip, refreshToken, orgs: profile.orgs?.map((org) => org.id) }),
)
export const inSpace = () =>
  new HuggingFaceStrategy({ ...spaceOptions(), store: new SessionStateStore() }, async (_accessToken, _refreshToken, profile) => profile)
export const hub: Promise<Hub> = startHub({ people: [{ username: 'ada' }] })
export const name = (profile: HuggingFaceProfile): string => profile.displayName ?? profile.id
export const status = (error: unknown): number => (error instanceof HubError ? error.status : 500)

// were these types lost, anything would be accepted
// @ts-expect-error: Passport spells it clientID
new HuggingFaceStrategy({ clientId: 'some-id' }, async () => true)
// @ts-expect-error: a port is a number
startHub({ port: '3000' })
