import { describe, expect, test } from '@jest/globals'
import { type HuggingFaceProfile, readProfile } from '../lib/profile'

/** Userinfo as the Hub sends it with every scope. */
const everything = {
  sub: '62f264b9f3c90f4b6514a269',
  name: 'Ada Moreno',
  preferred_username: 'ada',
  profile: 'https://huggingface.co/ada',
  picture: 'https://huggingface.co/avatars/ada.svg',
  website: 'https://ada.example/about',
  email: 'ada@example.com',
  email_verified: true,
  isPro: false,
  canPay: true,
  billingMode: 'prepaid',
  orgs: [
    {
      sub: '64a000000000000000000001',
      name: 'Tidal Labs',
      preferred_username: 'tidal-labs',
      picture: 'https://huggingface.co/avatars/tidal-labs.svg',
      plan: 'enterprise',
      roleInOrg: 'admin',
      canPay: false,
      securityRestrictions: ['sso', 'mfa'],
      resourceGroups: [{ sub: '64a0000000000000000000f1', name: 'Forecasting', role: 'write' }],
    },
  ],
}

const read = (claims: object) => readProfile(claims as Record<string, unknown>, JSON.stringify(claims)) as HuggingFaceProfile

/** The profile without the Hub's response. */
function fieldsOf(claims: object) {
  const { _raw, _json, ...fields } = read(claims)
  return fields
}

const least = { provider: 'huggingface', id: everything.sub }

describe('the profile', () => {
  test('has all that the Hub tells', () => {
    expect(fieldsOf(everything)).toEqual({
      ...least,
      username: 'ada',
      displayName: 'Ada Moreno',
      profileUrl: 'https://huggingface.co/ada',
      emails: [{ value: 'ada@example.com', verified: true }],
      photos: [{ value: 'https://huggingface.co/avatars/ada.svg' }],
      website: 'https://ada.example/about',
      isPro: false,
      canPay: true,
      orgs: [
        {
          id: '64a000000000000000000001',
          username: 'tidal-labs',
          displayName: 'Tidal Labs',
          picture: 'https://huggingface.co/avatars/tidal-labs.svg',
          plan: 'enterprise',
          role: 'admin',
          canPay: false,
          securityRestrictions: ['sso', 'mfa'],
          resourceGroups: [{ id: '64a0000000000000000000f1', name: 'Forecasting', role: 'write' }],
        },
      ],
    })
  })

  test.each([
    ['absent', {}],
    ['null', Object.fromEntries(Object.keys(everything).map((name) => [name, null]))],
    [
      'of another type',
      { name: 7, preferred_username: {}, profile: [], picture: 7, website: 7, email: [], isPro: 'yes', canPay: 1, orgs: {} },
    ],
    ['empty', { name: '', preferred_username: '', profile: '', picture: '', website: '', email: '' }],
  ])('leaves out what is %s', (_, claims) => {
    expect(fieldsOf({ ...claims, sub: everything.sub })).toEqual(least)
  })

  test.each([undefined, null, 'true', 1, false])('does not take email_verified = %p for verified', (email_verified) => {
    expect(read({ ...everything, email_verified }).emails).toEqual([{ value: 'ada@example.com', verified: false }])
  })

  test.each(['javascript:alert(1)', 'data:image/png;base64,AAAA', 'https://', 'https://exa mple/', ' https://a.example', '//a.example'])(
    'leaves out the address %p, wherever it stands',
    (address) => {
      const orgs = [{ sub: '2', picture: address }]
      expect(fieldsOf({ sub: everything.sub, profile: address, picture: address, website: address, orgs })).toEqual({
        ...least,
        orgs: [{ id: '2' }],
      })
    },
  )

  test('tells no organizations from organizations that the Hub did not tell of', () => {
    expect([read({ sub: '1', orgs: [] }).orgs, read({ sub: '1' }).orgs]).toEqual([[], undefined])
  })

  test('passes on plans, roles and restrictions that nobody knows yet', () => {
    const org = { sub: '2', plan: 'galactic', roleInOrg: 'custom-role', securityRestrictions: ['moonlight', 7] }
    expect(read({ sub: '1', orgs: [org] }).orgs).toEqual([
      { id: '2', plan: 'galactic', role: 'custom-role', securityRestrictions: ['moonlight'] },
    ])
  })

  test('leaves out organizations and resource groups without an identifier', () => {
    const resourceGroups = [{ sub: '3' }, { name: 'none' }, null, 'x']
    const orgs = [{ sub: '2', resourceGroups }, { name: 'none' }, null, 'x']
    expect(read({ sub: '1', orgs }).orgs).toEqual([{ id: '2', resourceGroups: [{ id: '3' }] }])
  })

  test("keeps the Hub's response, as text and parsed, with the fields that are not known", () => {
    const { _raw, _json } = read(everything)
    expect([JSON.parse(_raw), _json]).toEqual([everything, everything])
  })

  test.each([[{}], [{ sub: null }], [{ sub: '' }], [{ sub: 7 }], [{ sub: ['1'] }]])(
    'is not made of %j, which has no identifier',
    (claims) => {
      expect(read(claims)).toBeUndefined()
    },
  )
})
