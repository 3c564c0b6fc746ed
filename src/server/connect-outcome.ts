/** The connect pages that tell how it ended: connected, a link that leads nowhere, a refusal. */
import type { ConnectError, ConnectErrorReason, ConnectStep } from '../connections/connect-view.ts'
import { errorCodes, type GatewayError } from '../errors.ts'
import { html, readWebUrl } from './connect-markup.ts'
import type { ConnectPage } from './connect-page.ts'

export function donePage({ integrationName, theme }: Extract<ConnectStep, { kind: 'done' }>): ConnectPage {
  return {
    status: 200,
    title: `${integrationName} is connected`,
    theme,
    main: html`<h1 class="good">${integrationName} is connected</h1>
<p>${theme.name} can work with your ${integrationName} account now. You can close this window.</p>`,
  }
}

interface Ending {
  readonly status: number
  readonly title: string
  readonly advice: string
}

/** A page for people: no status that proxies replace with a page of their own. */
const endings: Readonly<Record<ConnectErrorReason, Ending>> = {
  unknown: {
    status: 404,
    title: 'This link does not work',
    advice: 'It may be incomplete, or it was withdrawn. Ask for a new one where you got it.',
  },
  expired: {
    status: 410,
    title: 'This link has expired',
    advice: 'Links of this kind work for a short time only. Ask for a new one where you got it.',
  },
  used: {
    status: 410,
    title: 'This link was used already',
    advice: 'It connects one account, once. Nothing more is to be done if that was you; else ask for a new link.',
  },
  withdrawn: {
    status: 410,
    title: 'This link was withdrawn',
    advice: 'Whoever made it can make no more use of it. Nothing was connected. Ask for a new link where you got it.',
  },
  denied: {
    status: 403,
    title: 'Access was not given',
    advice: 'The service did not get your consent, so nothing was connected.',
  },
  state: {
    status: 400,
    title: 'This sign-in cannot be finished here',
    advice: 'It began in another browser, took too long, or is finished already. Nothing was connected. Start again.',
  },
  account: {
    status: 409,
    title: 'This is a different account',
    advice:
      'The connection belongs to another account, and nothing was changed. Sign out of the service, and try again with the account you connected first.',
  },
  vendor: {
    status: 400,
    title: 'The service could not complete this',
    advice: 'It did not hand over the access that was asked for, so nothing was connected. Try again in a while.',
  },
}

export function endingPage({ reason, theme, retryPath, returnTo }: ConnectError): ConnectPage {
  const { status, title, advice } = endings[reason]
  const retry = retryPath === undefined ? undefined : readRetryHref(retryPath)
  const back = readWebUrl(returnTo)
  return {
    status,
    title,
    theme: theme ?? null,
    main: html`<h1>${title}</h1>
<p>${advice}</p>
${retry && html`<p><a class="button" href="${retry}">Try again</a></p>`}
${back && html`<p><a href="${back.href}">Back to ${theme?.name ?? 'where you came from'}</a></p>`}`,
  }
}

/** Relative, because a proxy may have the gateway below a path; every connect page lies two segments deep. */
function readRetryHref(path: string): string | undefined {
  return /^\/connect\/[^/\\]+$/.test(path) ? `..${path}` : undefined
}

/** What the gateway would or could not do, in its own words. */
export function refusedPage({ code, message }: GatewayError): ConnectPage {
  return refusalPage(errorCodes[code].status, 'This did not work', message)
}

/** Without a form: somebody else may have chosen its values. The address bar holds the link. */
export function foreignFormPage(): ConnectPage {
  return refusalPage(403, 'Please send this again', 'The form was not sent from the page as it is open here.', '?')
}

export function noCookiePage(): ConnectPage {
  const advice =
    'This page sets one cookie, to know your browser when the service sends you back. Allow it and try again.'
  return refusalPage(403, 'Your browser sent no cookie', advice, '?')
}

export function tooLargePage(): ConnectPage {
  return refusalPage(413, 'This is too large', 'What you entered is longer than any key or setting can be.', '?')
}

/** @param status which of the ways not to be one (RFC 9110 §15.5) */
export function noFormPage(status: number): ConnectPage {
  return refusalPage(status, 'This is not a form', 'Fill in the form on the page.', '?')
}

export function brokenPage(requestId: string): ConnectPage {
  return refusalPage(
    500,
    'Something went wrong',
    `Try again in a while. If it stays so, report this number: ${requestId}`,
  )
}

function refusalPage(status: number, title: string, advice: string, retryHref?: string): ConnectPage {
  return {
    status,
    title,
    theme: null,
    main: html`<h1>${title}</h1>
<p>${advice}</p>
${retryHref !== undefined && html`<p><a class="button" href="${retryHref}">Open the page again</a></p>`}`,
  }
}
