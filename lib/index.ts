export { AuthorizationError, InternalOAuthError, TokenError } from 'passport-oauth2'
export {
  HubError,
  type HubErrorCode,
  type HubPhase,
  type HubResponseDetails,
  type SignInFailureCode,
  type SignInFailureInfo,
} from './errors'
export type {
  HuggingFaceAuthenticateCallback,
  HuggingFaceAuthenticateOptions,
  HuggingFaceScope,
  HuggingFaceStrategyOptions,
  HuggingFaceStrategyOptionsWithRequest,
  RefreshedTokens,
  TokenParams,
  VerifiedUser,
  Verify,
  VerifyCallback,
  VerifyWithParams,
  VerifyWithRequest,
  VerifyWithRequestAndParams,
} from './options'
export type { HuggingFaceOrg, HuggingFaceProfile } from './profile'
export { type SpaceOptions, spaceOptions } from './spaces'
export { CookieStateStore, type CookieStateStoreOptions } from './state/cookie'
export type { StateMeta, StateStore } from './state/foreign'
export { SessionStateStore, type SessionStateStoreOptions } from './state/session'
export { HuggingFaceStrategy, HuggingFaceStrategy as Strategy } from './strategy'
