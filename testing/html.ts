import { createHash } from 'node:crypto'
import { type Client, scopeMeanings } from './clients'
import { avatarURL, type Resident, type ResidentOrganization } from './people'
import { css } from './style'

export interface Page {
  readonly title: string
  readonly body: Markup
  /** What `signIn` needs to know. Default: the title. */
  readonly data?: PageData
}

export type PageData =
  | { readonly form: 'people'; readonly people: readonly string[] }
  | { readonly form: 'consent'; readonly orgs: readonly OrganizationChoice[] }
  | { readonly messages: readonly string[] }

export interface OrganizationChoice {
  readonly sub: string
  readonly username: string
  readonly isTicked: boolean
}

class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | false | undefined | Markup | readonly Part[]

/** Escapes everything that is not markup already. */
function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(String.raw({ raw: strings }, ...parts.map(toText)))
}

function toText(part: Part): string {
  if (part === undefined || part === false) {
    return ''
  }
  if (typeof part === 'object') {
    return part instanceof Markup ? part.text : part.map(toText).join('')
  }
  return String(part).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

export function peoplePage(hubURL: string, appName: string, people: readonly Resident[]): Page {
  const button = (person: Resident): Markup => {
    const { username, email, emailVerified } = person
    const note = email ? `${email}${emailVerified === false ? ' (not verified)' : ''}` : 'no e-mail'
    return html`
<button class="row" name="username" value="${username}">${account(hubURL, person, note)}</button>`
  }
  return {
    title: 'Choose a person',
    data: { form: 'people', people: people.map(({ username }) => username) },
    body: html`<h1>Choose a person</h1>
<p>You will sign in to <b>${appName}</b>.</p>
<form method="post" class="people">${people.map(button)}
</form>
<form method="post" class="actions"><button name="decision" value="deny">Cancel</button></form>`,
  }
}

export interface ConsentRequest {
  readonly appName: string
  readonly clientID: string
  readonly person: Resident
  readonly scopes: ReadonlySet<string>
  /** The `sub` of the organizations that are ticked at first. */
  readonly ticked: ReadonlySet<string>
  /** The same authorization request, for another person. */
  readonly restart: string
}

export function consentPage(hubURL: string, request: ConsentRequest): Page {
  const { appName, clientID, person, scopes, ticked, restart } = request
  const { orgs } = person
  const scope = (name: string): Markup => html`
<li>${scopeMeanings[name] ?? name} <code>${name}</code></li>`
  const choice = (org: ResidentOrganization): Markup => html`
<label class="row"><input type="checkbox" name="orgs" value="${org.sub}"${ticked.has(org.sub) && html` checked`}>
${account(hubURL, org)}</label>`
  return {
    title: `Authorize ${appName}`,
    data: {
      form: 'consent',
      orgs: orgs.map(({ sub, username }) => ({ sub, username, isTicked: ticked.has(sub) })),
    },
    body: html`<h1>Authorize ${appName}?</h1>
<p>You are signed in as:</p>
<div class="row">${account(hubURL, person)}</div>
<form method="post">
<h2>${appName} would like to</h2>
<ul class="scopes">${[...scopes].map(scope)}</ul>
${
  orgs.length > 0 &&
  html`<fieldset><legend>Organizations</legend>
<p>${appName} sees all your organizations, and your role in ${
    scopes.has('read-memberships')
      ? 'all of them. It can access those you tick.'
      : 'those you tick.'
  }</p>${orgs.map(choice)}</fieldset>`
}
<div class="actions"><button name="decision" value="deny">Deny</button>
<button name="decision" value="authorize" class="primary">Authorize</button></div>
</form>
<form method="post" action="/logout" class="aside">
<button name="next" value="${restart}">Choose another person</button>
<p>Client ID <code>${clientID}</code></p></form>`,
  }
}

/** @param tryAgain the URL to open again, if that may help */
export function errorPage(title: string, messages: readonly string[], tryAgain?: string): Page {
  return {
    title,
    data: { messages: [title, ...messages] },
    body: html`<h1>${title}</h1>
${messages.map((message) => html`<p>${message}</p>`)}
<div class="actions">${tryAgain && html`<a class="button primary" href="${tryAgain}">Try again</a>`}
<a class="button" href="/">Home</a></div>`,
  }
}

export function homePage(
  hubURL: string,
  people: readonly Resident[],
  clients: readonly Client[],
  visitor: Resident | undefined,
): Page {
  const app = ({ name, clientID, clientSecret }: Client): Markup => html`
<li class="row"><span><b>${name ?? clientID}</b><small>Client ID <code>${clientID}</code></small>
<small>${clientSecret === undefined ? 'Public, without a secret' : 'With a secret'}</small></span></li>`
  return {
    title: 'Home',
    body: html`<h1>Local Hub</h1>
<p>Apps with the Hub URL <code>${hubURL}</code> sign people in here.</p>
${visitor && html`<h2>Signed in</h2><form method="post" action="/logout" class="row">${account(hubURL, visitor)}<button>Sign out</button></form>`}
<h2>People</h2>${accounts(hubURL, people)}
<h2>OAuth apps</h2><ul>${clients.map(app)}</ul>`,
  }
}

export function profilePage(hubURL: string, of: Resident | ResidentOrganization): Page {
  const { name, username } = of
  return {
    title: name ?? username,
    body: html`<h1>${name ?? username}</h1><div class="row">${account(hubURL, of)}</div>
${'orgs' in of && of.orgs.length > 0 && html`<h2>Organizations</h2>${accounts(hubURL, of.orgs)}`}`,
  }
}

type Account = Resident | ResidentOrganization

function accounts(hubURL: string, all: readonly Account[]): Markup {
  const link = (one: Account): Markup => html`
<li><a class="row" href="/${encodeURIComponent(one.username)}">${account(hubURL, one)}</a></li>`
  return html`<ul>${all.map(link)}</ul>`
}

/** Picture, name, username and badges. */
function account(hubURL: string, of: Account, note?: string): Markup {
  const { username, name, picture } = of
  const badge = (kind: string, text: string | false | undefined): Part =>
    text && html`<span class="badge ${kind}">${text}</span>`
  const badges =
    'orgs' in of
      ? [badge('pro', of.isPro && 'Pro')]
      : [badge('role', of.role), badge('plan', of.plan)]
  const src = picture ?? avatarURL(hubURL, username)
  return html`<img src="${src}" alt="" width="40" height="40"${'orgs' in of && html` class="round"`}>
<span><b>${name ?? username}</b><small>@${username}</small>${note && html`<small>${note}</small>`}
<span class="badges">${badges}</span></span>`
}

/** An avatar with the initial, in a color that depends on the name. */
export function avatarSVG(username: string): string {
  const [hue = 0] = createHash('sha256').update(username).digest()
  const initial = (/[\p{L}\p{N}]/u.exec(username)?.[0] ?? '?').toUpperCase()
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">
<rect width="96" height="96" fill="hsl(${Math.round(hue * 1.4)} 55% 38%)"/>
<text x="48" y="50" dominant-baseline="central" text-anchor="middle" font-family="system-ui, sans-serif"
 font-size="44" font-weight="600" fill="#fff">${initial}</text></svg>`.text
}

const logo = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="20" height="20"
 aria-hidden="true"><circle cx="8" cy="8" r="8" fill="#ffd21e"/><path fill="none" stroke="#000"
 stroke-width="1.2" stroke-linecap="round" d="M5.5 6v.6M10.5 6v.6M4.8 9.5q3.2 3.2 6.4 0"/></svg>`

/** The whole document. */
export function render({ title, body }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Local Hub</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(logo.text)}">
<style>${new Markup(css)}</style>
</head>
<body>
<header><a href="/">${logo}Local Hub</a> <span>For testing. No real account is involved.</span></header>
<main>
${body}
</main>
</body>
</html>
`.text
}
