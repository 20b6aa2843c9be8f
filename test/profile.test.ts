import { describe, expect, test } from '@jest/globals'
import { type HuggingFaceProfile, readProfile } from '../lib/profile'

const page = 'https://huggingface.co/ada'
const group = { sub: '64a0000000000000000000f1', name: 'Forecasting', role: 'write' }
const org = {
  sub: '64a000000000000000000001',
  name: 'Tidal Labs',
  preferred_username: 'tidal-labs',
  picture: 'HTTPS://huggingface.co/avatars/tidal-labs.svg',
  plan: 'enterprise',
  roleInOrg: 'admin',
  canPay: false,
  securityRestrictions: ['sso', 'mfa'],
  resourceGroups: [group],
}
/** Userinfo as the Hub sends it with every scope. */
const everything = {
  sub: '62f264b9f3c90f4b6514a269',
  name: 'Ada Moreno',
  preferred_username: 'ada',
  profile: page,
  picture: 'http://huggingface.co/avatars/ada.svg',
  website: 'https://ada.example/about',
  email: 'ada@example.com',
  email_verified: true,
  isPro: false,
  canPay: true,
  billingMode: 'prepaid',
  orgs: [org],
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
    const { name, preferred_username: username, sub, roleInOrg, ...others } = org
    const resourceGroups = [{ id: group.sub, name: group.name, role: group.role }]
    expect(fieldsOf(everything)).toEqual({
      ...least,
      username: 'ada',
      displayName: 'Ada Moreno',
      profileUrl: page,
      emails: [{ value: 'ada@example.com', verified: true }],
      photos: [{ value: everything.picture }],
      website: everything.website,
      isPro: false,
      canPay: true,
      orgs: [{ ...others, id: sub, username, displayName: name, role: roleInOrg, resourceGroups }],
    })
  })

  const names = Object.keys(everything)
  test.each<[string, unknown[]]>([
    ['null', [null]],
    ['empty', ['']],
    ['of another type', [7, {}, { toString: 1 }]],
  ])('leaves out what is %s', (_, values) => {
    for (const value of values)
      expect(fieldsOf({ ...Object.fromEntries(names.map((name) => [name, value])), sub: least.id })).toStrictEqual(least)
    expect(fieldsOf({ sub: least.id })).toStrictEqual(least)
  })

  test.each([undefined, null, 'true', 1, false])('does not take email_verified = %p for verified', (email_verified) => {
    expect(read({ ...everything, email_verified }).emails).toEqual([{ value: 'ada@example.com', verified: false }])
  })

  test.each(['javascript:alert(1)', 'data:image/png;base64,AAAA', 'https://', 'https://exa mple/', ' https://a.example', '//a.example'])(
    'leaves out the address %p, wherever it stands',
    (address) => {
      const claims = { sub: least.id, profile: address, picture: address, website: address, orgs: [{ sub: '2', picture: address }] }
      expect(fieldsOf(claims)).toEqual({ ...least, orgs: [{ id: '2' }] })
    },
  )

  test.each<[string, unknown[], unknown[]]>([
    ['tells no organizations from unknown ones', [], []],
    ['leaves out organizations without an identifier', [{ sub: '2' }, { name: 'none' }, null, 'x'], [{ id: '2' }]],
    [
      'leaves out resource groups without an identifier',
      [{ sub: '2', resourceGroups: [{ sub: '3' }, { name: 'none' }, null, 'x'] }],
      [{ id: '2', resourceGroups: [{ id: '3' }] }],
    ],
    [
      'passes on plans, roles and restrictions that nobody knows yet',
      [{ sub: '2', plan: 'galactic', roleInOrg: 'custom-role', securityRestrictions: ['moonlight', 7] }],
      [{ id: '2', plan: 'galactic', role: 'custom-role', securityRestrictions: ['moonlight'] }],
    ],
  ])('%s', (_, orgs, expected) => {
    expect(read({ sub: '1', orgs }).orgs).toEqual(expected)
  })

  test("keeps the Hub's response, as text and parsed, with the fields that are not known", () => {
    const { _raw, _json } = read(everything)
    expect([JSON.parse(_raw), _json]).toEqual([everything, everything])
  })

  test.each([undefined, null, '', 7, [['1']]])('is not made without an identifier (%j)', (sub) => {
    expect(read({ ...everything, sub })).toBeUndefined()
  })
})
