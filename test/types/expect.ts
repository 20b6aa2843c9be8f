/** The options that most samples start from. */
export const options = { clientID: 'some-id', clientSecret: 'some-secret', callbackURL: 'https://app.example/auth/huggingface/callback' }

/** Whether two types are the very same. `any` is the same as nothing but itself. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the comparison is true. */
export declare function expectType<_IsTrue extends true>(): void

declare global {
  namespace Express {
    // What an app does to type its users.
    interface User {
      id: string
    }
  }
}
