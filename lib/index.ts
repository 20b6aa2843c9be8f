export { type ClientMetadata, type ClientMetadataOptions, clientMetadata } from './client-metadata'
export {
  AuthorizationError,
  type HubAnswerDetails,
  HubError,
  type HubErrorCode,
  type HubPhase,
  InternalOAuthError,
  type SignInFailureCode,
  type SignInFailureInfo,
  TokenError,
} from './errors'
export type {
  HuggingFaceAuthenticateOptions,
  HuggingFaceIdTokenOptions,
  HuggingFaceIdTokenOptionsWithRequest,
  HuggingFaceScope,
  HuggingFaceStrategyOptions,
  HuggingFaceStrategyOptionsWithRequest,
  RefreshedTokens,
  TokenParams,
  Verify,
  VerifyCallback,
  VerifyWithParams,
  VerifyWithRequest,
  VerifyWithRequestAndParams,
} from './options'
export type { HuggingFaceIdTokenProfile, HuggingFaceOrg, HuggingFaceProfile } from './profile'
export { type SpaceOptions, spaceOptions } from './space'
export { CookieStateStore, type CookieStateStoreOptions } from './state/cookie'
export { SessionStateStore, type SessionStateStoreOptions } from './state/session'
export type { StateMeta, StateStore } from './state/store'
export { HuggingFaceStrategy, HuggingFaceStrategy as Strategy } from './strategy'
