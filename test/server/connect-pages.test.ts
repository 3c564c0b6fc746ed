/** What the connect pages show and send on: choices, ways to connect, fields, refusals. */
import { describe, expect, test } from 'vitest'
import { GatewayError, invalidFields } from '../../src/errors.ts'
import { acme, createPages, doneStep, linkToken, page, simpleChoice } from './connect-fake-flow.ts'

/** The opening tags of an element. */
function tagsOf(body: string, name: string): string[] {
  return body.match(new RegExp(`<${name}\\b[^>]*>`, 'g')) ?? []
}

/** The opening tag of the control with this name. */
function controlOf(body: string, name: string): string {
  const controls = [...tagsOf(body, 'input'), ...tagsOf(body, 'textarea')]
  return controls.find(tag => tag.includes(` name="${name}"`)) ?? ''
}

function textOf(body: string): string {
  return body
    .replace(/<style>[^<]*<\/style>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
}

describe('a link for one integration', () => {
  test('opens on its form: titles as labels, hints, examples and what is known already', async () => {
    await using pages = createPages()
    const { status, body } = await pages.get(page)
    expect(status).toBe(200)
    expect(body).toContain('<title>Connect Acme CRM · Brightwater</title>')
    expect(body).toContain('<label for="field-0">Region</label>')
    expect(body).toContain('id="field-0-hint">Where your account is. Example: <code>eu1</code></p>')
    expect(controlOf(body, 'config.region')).toMatch(
      /id="field-0".* aria-describedby="field-0-hint" required.* value="us9">/,
    )
    expect(textOf(body)).toContain('Note (optional)')
    expect(controlOf(body, 'credential.note')).not.toContain('required')
    expect(textOf(body)).toContain('This link works for another 25 minutes.')
  })

  test('never shows a secret, even one that comes with a value, and asks browsers not to keep it', async () => {
    const secret = { title: 'S', isSecret: true, isOptional: false, value: 'hunter2-canary' }
    const fields = [
      { ...secret, name: 'credential.one', isMultiline: false },
      { ...secret, name: 'credential.pem', isMultiline: true },
    ]
    const choices = [{ ...acme, methods: [{ scheme: 'headers', title: 'Keys', kind: 'form', fields } as const] }]
    await using pages = createPages({ view: { choices } })
    const { body } = await pages.get(page)
    expect(controlOf(body, 'credential.one')).toMatch(/^<input type="password" .*autocomplete="new-password">$/)
    expect(controlOf(body, 'credential.pem')).toMatch(/^<textarea .*autocomplete="off"/)
    expect(body).not.toContain('hunter2-canary')
  })

  test('says what a repair is', async () => {
    await using pages = createPages({ view: { isRepair: true } })
    const { body } = await pages.get(page)
    expect(body).toContain('<h1>Reconnect Acme CRM</h1>')
    expect(body).toContain('<button type="submit">Reconnect</button>')
  })

  test('offers each way to connect as a link and says which one is open', async () => {
    await using pages = createPages()
    const { body } = await pages.get(`${page}?method=oauth2`)
    const links = tagsOf(body, 'a').filter(tag => tag.includes('method='))
    expect(links).toEqual([
      '<a href="?integration=acme&amp;method=apiKey">',
      '<a href="?integration=acme&amp;method=oauth2" aria-current="page">',
    ])
    expect(body).toContain('<button type="submit">Continue to Acme CRM</button>')
    expect(controlOf(body, 'credential.key')).toBe('')
    expect(controlOf(body, 'config.region')).not.toBe('')
  })

  test('leads back to who asked, and to the documentation in another tab', async () => {
    await using pages = createPages()
    const { body } = await pages.get(page)
    expect(body).toContain(
      '<a href="https://app.brightwater.example/accounts?tab=1">Cancel and go back to Brightwater</a>',
    )
    expect(body).toContain('<a href="https://acme.example/api" target="_blank" rel="noopener noreferrer">')
  })

  test('has its address in no link, so that it works below any path and says nothing of the token', async () => {
    await using pages = createPages({ view: { choices: [acme, simpleChoice('beta')] } })
    for (const query of ['', '?integration=acme', '?integration=beta', '?integration=none']) {
      const { body } = await pages.get(page + query)
      expect(body).not.toContain(linkToken)
      expect(body).not.toMatch(/(?:href|action|src)="\//)
    }
  })
})

describe('a link for several integrations', () => {
  const many = Array.from({ length: 130 }, (_, index) => simpleChoice(`svc-${index}`, `Service ${index}`))

  test('lists them, and a link opens the form of each', async () => {
    await using pages = createPages({ view: { choices: [acme, simpleChoice('beta', 'Beta')] } })
    const list = (await pages.get(page)).body
    expect(tagsOf(list, 'a').filter(tag => tag.includes('integration='))).toEqual([
      '<a href="?integration=acme">',
      '<a href="?integration=beta">',
    ])
    expect(list).not.toContain('role="search"')
    const form = (await pages.get(`${page}?integration=beta`)).body
    expect(form).toContain('<h1>Connect Beta</h1>')
    expect(form).toContain('<a href="?">Choose another service</a>')
  })

  test('are searched by the server when they are many', async () => {
    await using pages = createPages({ view: { choices: [acme, ...many] } })
    const all = (await pages.get(page)).body
    expect(tagsOf(all, 'form')).toEqual(['<form class="search" method="get" role="search">'])
    expect(tagsOf(all, 'li')).toHaveLength(100)
    expect(textOf(all)).toContain('The first 100 of 131 services')
    const some = (await pages.get(`${page}?search=DEALS+acme`)).body
    expect(tagsOf(some, 'li')).toHaveLength(1)
    expect(some).toContain('name="search" value="DEALS acme"')
    const none = await pages.get(`${page}?search=nothing+like+it`)
    expect([none.status, tagsOf(none.body, 'li')]).toEqual([200, []])
    expect(textOf(none.body)).toContain('No service has this in its name.')
  })

  test('offer them again when another one is asked for', async () => {
    await using pages = createPages({ view: { choices: [acme, simpleChoice('beta')] } })
    const asked = await pages.get(`${page}?integration=gamma`)
    expect([asked.status, tagsOf(asked.body, 'li').length]).toEqual([404, 3])
    const sent = await pages.post({ integration: 'acme', scheme: 'mtls' })
    expect([sent.status, pages.flow.submitted]).toEqual([422, []])
    expect(sent.body).toContain('role="alert"')
  })
})

test('a link with nothing to connect says so', async () => {
  await using none = createPages({ view: { choices: [] } })
  expect((await none.get(page)).body).toContain('<h1>Nothing to connect</h1>')
  await using closed = createPages({ view: { choices: [{ ...acme, methods: [] }] } })
  expect(textOf((await closed.get(page)).body)).toContain('Acme CRM cannot be connected at the moment.')
})

describe('a form that was sent', () => {
  test('reaches the flow with what was asked for and nothing else', async () => {
    await using pages = createPages()
    await pages.post({
      'config.region': ' eu1',
      'credential.key': 'se cret+&=',
      'credential.note': 'one\r\ntwo',
      'credential.other': 'x',
      __proto__: 'x',
      constructor: 'x',
    })
    const values = { 'config.region': ' eu1', 'credential.key': 'se cret+&=', 'credential.note': 'one\ntwo' }
    expect(pages.flow.submitted).toEqual([
      {
        token: linkToken,
        browser: expect.stringMatching(/^[\w-]{43}$/),
        submission: { integration: 'acme', scheme: 'apiKey', values },
      },
    ])
  })

  test('leaves out what was left empty', async () => {
    await using pages = createPages()
    await pages.post({ 'config.region': '', 'credential.key': '' })
    expect(pages.flow.submitted[0]?.submission.values).toEqual({})
  })

  test('leads to the vendor with 303', async () => {
    const url = 'https://vendor.example/authorize?client_id=a&state=b%20c'
    await using pages = createPages({ submit: () => ({ kind: 'redirect', url }) })
    const { status, headers, body } = await pages.post({ scheme: 'oauth2' })
    expect([status, headers.location, body]).toEqual([303, url, ''])
  })

  test('leads back to the caller when that was all', async () => {
    await using pages = createPages()
    const { status, headers } = await pages.post({ 'credential.key': 'k' })
    expect([status, headers.location]).toEqual([303, doneStep.returnTo])
  })

  test('stays on a page that says so when nobody waits', async () => {
    await using pages = createPages({ submit: () => ({ ...doneStep, returnTo: null }) })
    const { status, body } = await pages.post({ 'credential.key': 'k' })
    expect(status).toBe(200)
    expect(body).toContain('<h1 class="good">Acme CRM is connected</h1>')
    expect(body).toContain('You can close this window.')
  })

  test('comes back with what is wrong beside its field and in a summary that has the focus', async () => {
    const details = [
      { field: 'credential.key', message: 'The key was refused by Acme.' },
      { field: 'config.region', message: 'Write a region such as eu1.' },
      { field: 'integration', message: 'It rains.' },
    ]
    await using pages = createPages({
      submit: () => {
        throw invalidFields(details)
      },
    })
    const { status, body } = await pages.post({
      'config.region': 'nowhere',
      'credential.key': 'secret-canary',
      'credential.note': '\nkept',
    })
    expect(status).toBe(422)
    expect(body).toContain('<title>Error: Connect Acme CRM')
    expect(body).toContain('role="alert" tabindex="-1" autofocus')
    expect(body).toContain('<li><a href="#field-1">The key was refused by Acme.</a></li>')
    expect(body).toContain('<li>It rains.</li>')
    expect(body).toContain('id="field-0-wrong">Error: Write a region such as eu1.</p>')
    expect(controlOf(body, 'config.region')).toMatch(
      /aria-describedby="field-0-hint field-0-wrong" aria-invalid="true".* value="nowhere"/,
    )
    expect(controlOf(body, 'credential.key')).toContain('aria-describedby="field-1-wrong" aria-invalid="true"')
    expect(controlOf(body, 'credential.note')).not.toContain('aria-invalid')
    expect(body).toContain('>\n\nkept</textarea>')
    expect(body).not.toContain('secret-canary')
  })

  test('does not get a value back that its sender removed', async () => {
    await using pages = createPages({
      submit: () => {
        throw invalidFields([{ field: 'config.region', message: 'Missing.' }])
      },
    })
    expect(controlOf((await pages.post({ 'config.region': '' })).body, 'config.region')).toContain(' value=""')
  })

  test('shows the sentence of any other refusal', async () => {
    await using pages = createPages({
      submit: () => {
        throw new GatewayError('INTEGRATION_NOT_CONFIGURED', 'Acme CRM needs settings from an admin first.')
      },
    })
    const { status, body } = await pages.post({ 'credential.key': 'k' })
    expect(status).toBe(422)
    expect(body).toContain('<li>Acme CRM needs settings from an admin first.</li>')
  })
})
