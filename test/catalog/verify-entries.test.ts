/** How the built-in entries prove a credential: a narrow key is not taken for a bad one, and an account keeps its id. */
import { describe, expect, it } from 'vitest'
import { parseSingularPath } from '../../src/auth/singular-path.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import { judgeVerification } from '../../src/connections/verification.ts'

const entries = Catalog.load().list()
const named = entries.map(entry => [entry.slug, entry] as const)

/** A good key that may do little gets 403 here for the verify request; one that is not good gets 401. */
const narrow = [
  'adyen',
  'digitalocean',
  'gitea',
  'google-workspace-admin',
  'hibob',
  'klaviyo',
  'linkedin',
  'pinecone',
  'ringcentral',
  'stripe',
  'supabase',
  'surveymonkey',
  'wise',
]

/** No status tells a bad key from a narrow one at these. */
const unprovable: Readonly<Record<string, string>> = {
  'amazon-selling-partner': '403 for a token that is not good, and for one without the role',
  bamboohr: '401 may mean that permissions are missing',
  contentful: '401 for a delivery token, which is good at the other hosts',
  figma: '403 for a token that is not good, and for one without the scope',
  linode: '401 for a token without the scope',
  mapbox: '200 whatever, with a code in words',
  marketo: '200 with success: false, for a token that is not good and for a user without the right',
  openai: '401 for a key without the scope',
}

/** Lists of one: their first item is the account whatever the order. */
const ofOne: Readonly<Record<string, string>> = {
  drip: 'the authenticated user in a list',
  'exact-online': 'Me is the authenticated user',
  klaviyo: 'documented: one account object within the array',
  mailjet: 'the user that the key belongs to',
  recurly: 'a private key belongs to one site',
  wrike: 'me=true is the authenticated user',
  youtube: 'a token is good for the one channel that was chosen at consent',
  'zoho-crm': 'type=CurrentUser is the authenticated user',
}

/** An address from a list of several, beside an id that is not: the id tells accounts apart. */
const shownOnly = ['bitly', 'eventbrite', 'webex']

function entersList(path: string | undefined): boolean {
  return path !== undefined && (parseSingularPath(path) ?? []).some(step => typeof step === 'number')
}

describe('a narrow key', () => {
  it('may be good at the vendors that are known here', () => {
    const found = entries.flatMap(({ slug, verify }) => (verify?.refused === undefined ? [] : [slug]))
    expect(found).toEqual(narrow)
  })

  it.each(named.filter(([slug]) => narrow.includes(slug)))('of %s is neither refused nor believed', (_, entry) => {
    expect(entry.verify?.method ?? 'GET').toBe('GET')
    expect(judgeVerification(entry, 401, undefined).outcome).toBe('REFUSED')
    expect(judgeVerification(entry, 403, undefined)).toMatchObject({ outcome: 'UNKNOWN', account: null })
  })

  it.each(Object.entries(unprovable))('of %s cannot be told from a bad one: %s', slug => {
    expect(entries.find(entry => entry.slug === slug)).toMatchObject({ slug })
    expect(entries.find(entry => entry.slug === slug)?.verify).toBeUndefined()
  })
})

describe('whose account it is', () => {
  it('does not depend on the order of a list', () => {
    const found = entries.flatMap(({ slug, verify }) =>
      entersList(verify?.account?.id) || entersList(verify?.account?.email) ? [slug] : [],
    )
    expect(found).toEqual([...Object.keys(ofOne), ...shownOnly].toSorted())
  })

  it.each(named.filter(([slug]) => shownOnly.includes(slug)))('at %s is told by its own id', (_, entry) => {
    const { id } = entry.verify?.account ?? {}
    expect(id).toBeDefined()
    expect(entersList(id)).toBe(false)
  })
})
