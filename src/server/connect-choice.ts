/** The connect page that offers a choice of integrations, with a search that the server does. */
import type { ConnectChoice, ConnectView } from '../connections/connect-view.ts'
import { html, type Markup } from './connect-markup.ts'
import { type ConnectPage, renderErrors, renderFooter, renderMark } from './connect-page.ts'

/** More choices than this get a search field. */
const maxWithoutSearch = 8
const maxListed = 100

/** Why the choice is offered again. */
export interface ChoiceProblem {
  readonly status: number
  readonly sentence: string
}

export function choicePage(view: ConnectView, now: Date, search: string, problem?: ChoiceProblem): ConnectPage {
  const { theme, choices } = view
  const words = search.toLowerCase().split(/\s+/)
  const found = choices.filter(choice => words.every(word => searchedText(choice).includes(word)))
  const listed = found.slice(0, maxListed)
  const title = view.isRepair ? 'Reconnect an account' : 'Connect an account'
  return {
    status: problem?.status ?? 200,
    title,
    theme,
    hasMarks: listed.some(({ logoPath }) => logoPath !== null),
    main: html`<h1>${title}</h1>
${problem && renderErrors([html`${problem.sentence}`])}
<p class="quiet">Choose the service to connect to ${theme.name}.</p>
${choices.length > maxWithoutSearch && renderSearch(search, found.length)}
<ul class="choices">
${listed.map(renderChoice)}
</ul>`,
    footer: renderFooter(view, now),
  }
}

function searchedText({ name, slug, description }: ConnectChoice): string {
  return `${name}\n${slug}\n${description ?? ''}`.toLowerCase()
}

function renderSearch(search: string, found: number): Markup {
  const shown = found > maxListed ? `The first ${maxListed} of ${found} services; search for a name.` : undefined
  const none = found === 0 ? 'No service has this in its name.' : undefined
  return html`<form class="search" method="get" role="search">
<label for="search">Search services</label>
<div><input type="search" id="search" name="search" value="${search}" maxlength="100" autocomplete="off"><button>Search</button></div>
</form>
<p role="status" class="quiet">${none ?? shown ?? (found === 1 ? '1 service' : `${found} services`)}</p>`
}

function renderChoice({ slug, name, description, logoPath }: ConnectChoice): Markup {
  return html`<li><a href="?integration=${encodeURIComponent(slug)}">${renderMark(logoPath, 24)}<strong>${name}</strong>${
    description !== null && html` <span>${description}</span>`
  }</a></li>
`
}

/** Where a view has nothing to choose from, or the choice no way to be connected. */
export function emptyPage(view: ConnectView, now: Date, name?: string): ConnectPage {
  const title = 'Nothing to connect'
  return {
    status: 404,
    title,
    theme: view.theme,
    main: html`<h1>${title}</h1>
<p>${name ?? 'What this link was made for'} cannot be connected at the moment. Tell ${view.theme.name} about it.</p>`,
    footer: renderFooter(view, now),
  }
}
