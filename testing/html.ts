import type { Client } from './clients'
import { avatarURL, profileURL, type Resident } from './people'
import { scopeMeanings } from './scopes'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHTML(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char)
}

export function loginPage(hubURL: string, uid: string, people: readonly Resident[]): string {
  return page(
    'Who are you today?',
    `<h1>Who are you today?</h1>
<p class="lead">Choose somebody to sign in as.</p>
<form method="post" action="/interaction/${uid}" data-page="login" class="people">
${people.map((person) => personButton(hubURL, person)).join('\n')}
</form>
<form method="post" action="/interaction/${uid}" class="foot"><button name="decision" value="deny" class="quiet">Cancel</button></form>`,
  )
}

function personButton(hubURL: string, person: Resident): string {
  const name = escapeHTML(displayName(person))
  const notes = [
    person.email === undefined || person.email === null
      ? 'no e-mail address'
      : person.emailVerified === false
        ? 'e-mail not verified'
        : person.email,
    ...(person.orgs.length > 0 ? [`${person.orgs.length} organization${person.orgs.length === 1 ? '' : 's'}`] : []),
  ]
  return `<button name="username" value="${escapeHTML(person.username)}" class="person" aria-label="${name}">
${avatar(hubURL, person, 48)}
<span><b>${name}${person.isPro ? ' <i class="badge">Pro</i>' : ''}</b><small>@${escapeHTML(person.username)}</small><small>${escapeHTML(notes.join(' · '))}</small></span>
</button>`
}

type Organization = Resident['orgs'][number]

export interface ConsentRequest {
  readonly appName: string
  readonly clientID: string
  readonly person: Resident
  readonly scopes: ReadonlySet<string>
  /** The organizations that are ticked at first. */
  readonly chosen: ReadonlySet<string>
}

export function consentPage(hubURL: string, uid: string, request: ConsentRequest): string {
  const { appName, clientID, person, scopes, chosen } = request
  const { orgs } = person
  const app = escapeHTML(appName)
  return page(
    `Authorize ${appName}`,
    `<h1>Authorize <em>${app}</em>?</h1>
<p class="lead as">${avatar(hubURL, person, 32)} <span>Signed in as <b>${escapeHTML(displayName(person))}</b></span></p>
<form method="post" action="/interaction/${uid}" data-page="consent">
<h2>${app} would like to</h2>
<ul class="scopes">
${[...scopes].map((scope) => `<li><span>${escapeHTML(scopeMeanings[scope] ?? scope)}</span> <code>${escapeHTML(scope)}</code></li>`).join('\n')}
</ul>
${
  orgs.length === 0
    ? ''
    : `<fieldset>
<legend>Organizations</legend>
<p><small>It sees your role in those you choose.</small></p>
${orgs.map((org) => orgChoice(hubURL, org, chosen.has(org.sub))).join('\n')}
</fieldset>
`
}<div class="actions"><button name="decision" value="deny">Deny</button><button name="decision" value="authorize" class="primary">Authorize</button></div>
</form>
<form method="post" action="/interaction/${uid}" class="foot"><button name="decision" value="switch" class="quiet">Not you? Sign in as somebody else</button><small>Client ID <code>${escapeHTML(clientID)}</code></small></form>`,
  )
}

function orgChoice(hubURL: string, org: Organization, isChosen: boolean): string {
  const name = escapeHTML(org.name ?? org.username)
  const details = [org.role, org.plan].filter((detail) => detail !== undefined).join(' · ')
  return `<label class="org"><input type="checkbox" name="orgs" value="${escapeHTML(org.sub)}" data-username="${escapeHTML(org.username)}"${isChosen ? ' checked' : ''}>
<img src="${escapeHTML(org.picture ?? avatarURL(hubURL, org.username))}" alt="" width="28" height="28" class="square"> <span>${name}</span> <small>${escapeHTML(details)}</small></label>`
}

/** `hints` are for the developer of the app. */
export function errorPage(title: string, text: string, hints: readonly string[] = []): string {
  return page(
    title,
    `<h1 role="alert">${escapeHTML(title)}</h1>
<p class="lead">${escapeHTML(text)}</p>
${hints.length === 0 ? '' : `<ul class="hints">${hints.map((hint) => `<li>${escapeHTML(hint)}</li>`).join('')}</ul>`}`,
  )
}

export function frontPage(hubURL: string, people: readonly Resident[], clients: readonly Client[], visitor: Resident | undefined): string {
  return page(
    'Local Hub',
    `<h1>Local Hub</h1>
<p class="lead">Apps that use <code>${escapeHTML(hubURL)}</code> as their Hub sign people in here.</p>
${
  visitor === undefined
    ? '<p>Nobody is signed in.</p>'
    : `<form method="post" action="/logout" class="as">${avatar(hubURL, visitor, 32)} <span>Signed in as <b>${escapeHTML(displayName(visitor))}</b></span> <button>Sign out</button></form>`
}
<h2>People</h2>
<ul class="plain">
${people.map((person) => `<li>${avatar(hubURL, person, 28)} <a href="${escapeHTML(profileURL(hubURL, person.username))}">${escapeHTML(displayName(person))}</a> <small>@${escapeHTML(person.username)}</small></li>`).join('\n')}
</ul>
<h2>OAuth apps</h2>
<ul class="plain">
${clients.map((client) => `<li><span>${escapeHTML(client.name ?? client.clientID)}</span> <code>${escapeHTML(client.clientID)}</code> <small>${client.clientSecret === undefined ? 'public' : 'with a secret'}</small></li>`).join('\n')}
</ul>`,
  )
}

export function personPage(hubURL: string, person: Resident): string {
  const { orgs } = person
  return page(
    displayName(person),
    `<p class="center">${avatar(hubURL, person, 96)}</p>
<h1>${escapeHTML(displayName(person))}${person.isPro ? ' <i class="badge">Pro</i>' : ''}</h1>
<p class="lead">@${escapeHTML(person.username)}</p>
${orgs.length === 0 ? '' : `<h2>Organizations</h2>\n<ul class="plain">${orgs.map((org) => `<li><img src="${escapeHTML(org.picture ?? avatarURL(hubURL, org.username))}" alt="" width="28" height="28" class="square"> <a href="${escapeHTML(profileURL(hubURL, org.username))}">${escapeHTML(org.name ?? org.username)}</a></li>`).join('')}</ul>`}`,
  )
}

export function orgPage(hubURL: string, org: Organization): string {
  return page(
    org.name ?? org.username,
    `<p class="center"><img src="${escapeHTML(org.picture ?? avatarURL(hubURL, org.username))}" alt="" width="96" height="96" class="square"></p>
<h1>${escapeHTML(org.name ?? org.username)}</h1>
<p class="lead">@${escapeHTML(org.username)}${org.plan === undefined ? '' : ` · ${escapeHTML(org.plan)}`}</p>`,
  )
}

function displayName({ name, username }: Resident): string {
  return name ?? username
}

function avatar(hubURL: string, person: Resident, size: number): string {
  const address = person.picture ?? avatarURL(hubURL, person.username)
  return `<img src="${escapeHTML(address)}" alt="" width="${size}" height="${size}">`
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHTML(title)} · Local Hub</title>
<link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><circle cx='8' cy='8' r='7' fill='%23f5b50a'/></svg>">
<style>${css}</style>
</head>
<body>
<p class="banner" role="note"><b>Local Hub</b> A stand-in for testing. No real account is involved.</p>
<main>
${body}
</main>
</body>
</html>
`
}

const css = `
:root{--paper:#fbf9f4;--card:#fff;--ink:#23201a;--soft:#6d675b;--line:#e6e0d2;--accent:#f5b50a;--on-accent:#2b2000;--tint:#fff6dd}
@media (prefers-color-scheme:dark){:root{--paper:#16140f;--card:#211e17;--ink:#f3eee2;--soft:#aaa291;--line:#3a352a;--accent:#f7c13a;--on-accent:#241a00;--tint:#2f2916}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
.banner{margin:0;padding:.6rem 1rem;background:repeating-linear-gradient(-45deg,var(--tint) 0 12px,transparent 12px 24px) var(--card);border-bottom:1px solid var(--line);text-align:center;font-size:.875rem;color:var(--soft)}
.banner b{color:var(--ink);margin-right:.35rem}
main{width:min(30rem,100% - 2rem);margin:clamp(1rem,6vh,4rem) auto;padding:clamp(1.25rem,4vw,2rem);background:var(--card);border:1px solid var(--line);border-radius:1rem;box-shadow:0 1px 2px #0000000a,0 12px 32px #0000000f}
h1{margin:0;font-size:1.5rem;line-height:1.25;text-align:center;text-wrap:balance;overflow-wrap:anywhere}
h1 em{font-style:normal;border-bottom:3px solid var(--accent)}
h2{margin:1.5rem 0 .5rem;font-size:.9375rem;font-weight:600}
.lead{margin:.5rem 0 1.25rem;text-align:center;color:var(--soft);overflow-wrap:anywhere}
.center{margin:0 0 .75rem;text-align:center}
.as{display:flex;gap:.6rem;align-items:center;justify-content:center}
img{border-radius:50%;vertical-align:middle;flex:none;background:var(--line)}
img.square{border-radius:22%}
small{color:var(--soft)}
code{font:.8125rem ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--soft)}
a{color:inherit;text-decoration-color:var(--accent);text-decoration-thickness:2px;text-underline-offset:3px}
.people{display:grid;gap:.6rem}
button{font:inherit;color:inherit;padding:.6rem 1.1rem;border:1px solid var(--line);border-radius:.7rem;background:var(--card);cursor:pointer}
button:hover{border-color:var(--accent)}
:is(button,a,input):focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.person{display:flex;gap:.9rem;align-items:center;width:100%;padding:.75rem .9rem;text-align:left}
.person:hover{background:var(--tint)}
.person small{display:block;line-height:1.35}
.badge{font-style:normal;font-size:.6875rem;font-weight:700;padding:.1rem .4rem;border-radius:.4rem;background:var(--accent);color:var(--on-accent);vertical-align:.15em}
.scopes,.plain{list-style:none;margin:0;padding:0}
.scopes li{display:flex;gap:1rem;justify-content:space-between;align-items:baseline;padding:.5rem 0;border-top:1px solid var(--line)}
.scopes li:first-child{border-top:0}
.hints{margin:0;padding-left:1.1rem;overflow-wrap:anywhere}
.plain li{display:flex;gap:.6rem;align-items:center;padding:.3rem 0;flex-wrap:wrap}
fieldset{margin:1.25rem 0 0;padding:.5rem .9rem .75rem;border:1px solid var(--line);border-radius:.7rem}
legend{padding:0 .4rem;font-size:.9375rem;font-weight:600}
fieldset p{margin:0 0 .25rem}
.org{display:flex;flex-wrap:wrap;gap:.25rem .6rem;align-items:center;padding:.35rem 0;cursor:pointer}
.org small{margin-left:auto;white-space:nowrap}
.org input{flex:none;margin:0;width:1.1rem;height:1.1rem;accent-color:var(--accent)}
.actions{display:grid;grid-template-columns:1fr 1fr;gap:.75rem;margin-top:1.5rem}
.primary{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
.primary:hover{filter:brightness(1.05)}
.quiet{border:0;background:none;padding:.25rem .5rem;color:var(--soft);text-decoration:underline;text-decoration-color:var(--accent);text-underline-offset:3px}
.foot{margin-top:1.1rem;display:flex;flex-direction:column;gap:.25rem;align-items:center;text-align:center;overflow-wrap:anywhere}
`
