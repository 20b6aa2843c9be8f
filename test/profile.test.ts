import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readProfile } from '../lib/profile'

function profileOf(fixture: string) {
  const raw = readFileSync(join(__dirname, 'fixtures', 'userinfo', `${fixture}.json`), 'utf8')
  return readProfile(JSON.parse(raw), raw)
}

/** The profile without the Hub's answer as it came. */
function fieldsOf(fixture: string) {
  const { _raw, _json, ...fields } = profileOf(fixture)
  return fields
}

describe('the profile', () => {
  test('with the scope openid alone has the identifier and nothing made up', () => {
    expect(fieldsOf('openid')).toEqual({ provider: 'huggingface', id: '62f264b9f3c90f4b6514a269' })
  })

  test('with the scope profile has names, page, picture, website, subscription and organizations', () => {
    expect(fieldsOf('profile')).toEqual({
      provider: 'huggingface',
      id: '62f264b9f3c90f4b6514a269',
      username: 'ada',
      displayName: 'Ada Moreno',
      profileUrl: 'https://huggingface.co/ada',
      photos: [{ value: 'https://huggingface.co/avatars/ada.svg' }],
      website: 'https://ada.example/about',
      isPro: false,
      orgs: [],
    })
  })

  test('with the scope email has the address, and whether the Hub has verified it', () => {
    expect(fieldsOf('email')).toMatchObject({ emails: [{ value: 'ada@example.com', verified: true }] })
    expect(fieldsOf('everything')).toMatchObject({ emails: [{ value: 'ada@example.com', verified: false }] })
  })

  test.each([undefined, null, 'true', 1])('does not take email_verified = %p for verified', (email_verified) => {
    const { emails } = readProfile({ sub: '1', email: 'ada@example.com', email_verified }, '')
    expect(emails).toEqual([{ value: 'ada@example.com', verified: false }])
  })

  test('with every scope has what the Hub tells of organizations and billing', () => {
    expect(fieldsOf('everything')).toMatchObject({
      isPro: true,
      canPay: true,
      orgs: [
        {
          id: '64a000000000000000000001',
          username: 'tidal-labs',
          displayName: 'Tidal Labs',
          picture: 'https://huggingface.co/avatars/tidal-labs.svg',
          plan: 'enterprise',
          role: 'admin',
          canPay: true,
          securityRestrictions: ['sso', 'mfa'],
          resourceGroups: [{ id: '64a0000000000000000000f1', name: 'Forecasting', role: 'write' }],
        },
      ],
    })
  })

  test('takes null for absent', () => {
    expect(fieldsOf('nulls')).toEqual({ provider: 'huggingface', id: '62f264b9f3c90f4b6514a269' })
  })

  test('tells no organizations from organizations that the Hub did not tell of', () => {
    expect(profileOf('profile').orgs).toEqual([])
    expect(profileOf('openid').orgs).toBeUndefined()
  })

  test('reads every plan and every role', () => {
    const { orgs } = profileOf('orgs')
    expect(orgs?.map((org) => org.plan)).toEqual(['academia', 'enterprise', 'plus', 'team', undefined])
    expect(orgs?.map((org) => org.role)).toEqual(['admin', 'contributor', 'no_access', 'read', 'write'])
  })

  test('passes plans, roles and restrictions through that it does not know, and leaves out what is no organization', () => {
    expect(fieldsOf('unknown-fields').orgs).toEqual([
      { id: '64a000000000000000000001', plan: 'galactic', role: 'custom-research-role', securityRestrictions: ['moonlight'] },
    ])
  })

  test('leaves out addresses that are not http or https, and values of another type than documented', () => {
    expect(fieldsOf('unknown-fields')).toEqual({
      provider: 'huggingface',
      id: '62f264b9f3c90f4b6514a269',
      username: 'ada',
      orgs: expect.anything(),
    })
  })

  test.each(['https://', 'https://exa mple/', ' https://example.com', 'HTTPS//example.com', '//example.com'])(
    'leaves out the address %p',
    (website) => {
      expect(readProfile({ sub: '1', website }, '')).not.toHaveProperty('website')
    },
  )

  test('keeps resource groups that have an identifier, with what is known of them', () => {
    const { orgs } = readProfile({ sub: '1', orgs: [{ sub: '2', resourceGroups: [{ sub: '3' }, { name: 'none' }] }] }, '')
    expect(orgs).toEqual([{ id: '2', resourceGroups: [{ id: '3' }] }])
  })

  test("keeps the Hub's answer, as text and parsed, with the fields that are not known", () => {
    const profile = profileOf('unknown-fields')
    expect(JSON.parse(profile._raw)).toEqual(profile._json)
    expect(profile._json).toMatchObject({ favouriteModel: 'bloom' })
  })

  test.each([[{}], [{ sub: null }], [{ sub: '' }], [{ sub: 7 }], [{ sub: ['1'] }]])('refuses %j, which has no identifier', (claims) => {
    expect(() => readProfile(claims, '')).toThrow('sub')
  })
})
