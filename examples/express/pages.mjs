// @ts-check
// The pages of the example. Values in a template are escaped, so a name may contain anything.

/** @import { HuggingFaceProfile } from 'passport-huggingface' */
/** @typedef {Omit<HuggingFaceProfile, '_raw' | '_json'>} User */

/** @param {{ user?: User, returnTo?: string, localHub: string | undefined }} context */
export function homePage({ user, returnTo, localHub }) {
  const lead = returnTo
    ? 'Sign in to see this page.'
    : 'An Express app that knows who you are on Hugging\u00a0Face.'
  return page(
    user ? 'Home' : 'Sign in',
    localHub,
    html`${face(moods.happy)}
<h1>Hello${user && html`, ${nameOf(user)}`}!</h1>
<p class="lead">${lead}</p>
<div class="actions">${
      user
        ? html`<a class="button primary" href="/profile">See your profile</a>${signOut}`
        : signInButton(returnTo)
    }</div>`,
  )
}

/** @param {{ user: User, localHub: string | undefined }} context */
export function profilePage({ user, localHub }) {
  const { id, username, profileUrl, website, isPro, orgs = [] } = user
  const [email] = user.emails ?? []
  const [photo] = user.photos ?? []
  const organization = (/** @type {(typeof orgs)[number]} */ org) => html`
  <li>${org.picture && html`<img src="${org.picture}" alt="" width="40" height="40">`}
    <div><b>${org.displayName ?? org.username}</b> <small>@${org.username}</small>
    <p class="badges">${badge('role', org.role)} ${badge('plan', org.plan)}</p></div></li>`
  return page(
    nameOf(user),
    localHub,
    html`<div class="person">
  ${photo ? html`<img src="${photo.value}" alt="" width="96" height="96">` : face(moods.calm)}
  <div>
    <h1>${nameOf(user)}</h1>
    <p>${username && profileUrl ? html`<a href="${profileUrl}">@${username}</a>` : id}</p>
    <p class="badges">${badge('pro', isPro && 'Pro')}</p>
  </div>
</div>
<dl>
  <dt>E-mail</dt>
  <dd>${
    email
      ? html`${email.value} ${email.verified ? badge('good', 'verified') : badge('role', 'not verified')}`
      : 'not shared'
  }</dd>
  ${website && html`<dt>Website</dt><dd><a href="${website}" rel="nofollow">${website.replace(/^https?:\/\/|\/$/g, '')}</a></dd>`}
  <dt>User ID</dt>
  <dd><code>${id}</code></dd>
</dl>
<h2>Organizations</h2>
${orgs.length > 0 ? html`<ul>${orgs.map(organization)}</ul>` : html`<p>None.</p>`}
<div class="actions"><a class="button" href="/auth/huggingface/again">Choose other organizations</a>${signOut}</div>`,
  )
}

/** @param {{ message: string | undefined, localHub: string | undefined }} context */
export function failedPage({ message = 'You can try again at any time.', localHub }) {
  return messagePage('Sign-in not complete', message, 'calm', localHub)
}

/** @param {{ localHub: string | undefined }} context */
export function errorPage({ localHub }) {
  return messagePage('Sign-in is not available', 'Please try again in a moment.', 'sad', localHub)
}

/** @param {{ localHub: string | undefined }} context */
export function notFoundPage({ localHub }) {
  return page(
    'Page not found',
    localHub,
    html`${face(moods.calm)}
<h1>Page not found</h1>
<p class="lead">There is no page at this address.</p>
<div class="actions"><a class="button" href="/">Home</a></div>`,
  )
}

/**
 * @param {string} title
 * @param {string} message
 * @param {keyof typeof moods} mood
 * @param {string | undefined} localHub
 */
function messagePage(title, message, mood, localHub) {
  return page(
    title,
    localHub,
    html`${face(moods[mood])}
<h1>${unbroken(title)}</h1>
<p class="lead" role="status">${unbroken(message)}</p>
<div class="actions"><a class="button primary" href="/auth/huggingface">Try again</a>
<a class="button" href="/">Home</a></div>`,
  )
}

/**
 * The button in CSS, so that the example works offline. In your app you can use the official one:
 * https://huggingface.co/datasets/huggingface/badges
 *
 * @param {string | undefined} returnTo
 */
function signInButton(returnTo) {
  const query = returnTo && `?${new URLSearchParams({ returnTo })}`
  return html`<a class="button primary" href="/auth/huggingface${query}">${face(moods.happy)}Sign in with Hugging Face</a>`
}

/** @param {User} user */
function nameOf({ displayName, username, id }) {
  return displayName ?? username ?? id
}

/**
 * @param {'pro' | 'good' | 'role' | 'plan'} kind
 * @param {string | false | undefined} text
 */
function badge(kind, text) {
  return text && html`<span class="badge ${kind}">${text}</span>`
}

/** A line is not broken at the hyphen of a word. @param {string} text */
function unbroken(text) {
  const words = text.split(/(\b\w{1,12}-\w{1,12}\b)/)
  return words.map((word, index) => (index % 2 ? html`<span class="nobr">${word}</span>` : word))
}

/**
 * @param {string} title
 * @param {string | undefined} localHub
 * @param {Markup} body
 */
function page(title, localHub, body) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Example app</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(face(moods.happy).text)}">
<style>${new Markup(css)}</style>
</head>
<body>
<header><a href="/">Example app</a></header>
<main>
${body}
</main>
<footer>${
    localHub
      ? html`This example uses a <a href="${localHub}">local Hub</a>. No real account is involved.`
      : html`You can revoke access in your <a href="https://huggingface.co/settings/connected-applications">connected applications</a>.`
  }</footer>
</body>
</html>
`.text
}

class Markup {
  /** @param {string} text */
  constructor(text) {
    this.text = text
  }
}

/**
 * @param {TemplateStringsArray} strings
 * @param {unknown[]} values
 */
function html(strings, ...values) {
  return new Markup(String.raw({ raw: strings }, ...values.map(toText)))
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function toText(value) {
  if (value === undefined || value === false) return ''
  if (Array.isArray(value)) return value.map(toText).join('')
  return value instanceof Markup
    ? value.text
    : String(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

const signOut = html`<form method="post" action="/sign-out"><button class="button">Sign out</button></form>`

/** Mouths. */
const moods = { happy: 'M10 19q6 6 12 0', calm: 'M11 20.5h10', sad: 'M11 22q5-4.5 10 0' }

/** A face as SVG, since not every computer has a font with emoji. @param {string} mouth */
function face(mouth) {
  return html`<svg class="face" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="#ffd21e" stroke="#7a6000" stroke-width="1.5"/><path fill="none" stroke="#231f20" stroke-width="2" stroke-linecap="round" d="M11 12v1.5M21 12v1.5${mouth}"/></svg>`
}

const css = `
:root{--paper:#faf8f3;--card:#fff;--ink:#211e18;--soft:#5f584b;--line:#e2dccf;--edge:#857c6c;--tint:#f3f0e8;--gold:#7a6000;--focus:#1d4ed8;--good:#14603f;--good-tint:#dcf3e7;--plan:#e3edff;--on-plan:#1e3a8a}
@media (prefers-color-scheme:dark){:root{--paper:#15130f;--card:#201d18;--ink:#f5f1e8;--soft:#b9b1a2;--line:#3d382f;--edge:#8b8373;--tint:#2c2821;--gold:#ffd21e;--focus:#93b8ff;--good:#8be0b6;--good-tint:#153526;--plan:#24365c;--on-plan:#d5e3ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;grid-template-rows:auto 1fr auto;background:var(--paper);color:var(--ink);font:17px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
header,footer{padding:.75rem 1rem;text-align:center;font-size:.875rem;color:var(--soft);text-wrap:balance}
header a{font-weight:600;text-decoration:none}
header a:hover{text-decoration:underline}
main{width:min(34rem,100% - 2rem);margin:auto;padding:clamp(1.25rem,6vw,2.5rem);background:var(--card);border:1px solid var(--line);border-radius:1rem}
a{color:inherit;text-underline-offset:3px}
h1{margin:0;font-size:clamp(1.5rem,6vw,2rem);line-height:1.2;text-wrap:balance}
h2{margin:1.75rem 0 .5rem;font-size:1rem}
p{margin:.25rem 0}
p,small,dt,dd,code{color:var(--soft)}
dd{color:var(--ink)}
.lead{margin:.75rem 0 1.75rem;font-size:1.125rem}
.nobr{white-space:nowrap}
.face{display:block;flex:none;width:5rem;height:5rem;margin-bottom:1rem}
.button .face{width:1.375rem;height:1.375rem;margin:0}
.actions{display:flex;flex-wrap:wrap;gap:.75rem}
.actions:not(.lead+*){margin-top:1.75rem}
.button{display:inline-flex;gap:.625rem;align-items:center;justify-content:center;padding:.625rem 1.125rem;border:1px solid var(--edge);border-radius:.625rem;background:none;color:inherit;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
.button:hover{background:var(--tint)}
.primary{border-color:var(--gold);background:#ffd21e;color:#000}
.primary:hover{background:#ffdf5c}
:is(a,button):focus-visible{outline:3px solid var(--focus);outline-offset:3px}
.person{display:flex;flex-wrap:wrap;gap:1rem 1.25rem;align-items:center}
.person>div{flex:1 1 10rem;min-width:0}
.person img,.person .face{width:96px;height:96px;margin:0;border-radius:50%;background:var(--line);object-fit:cover}
dl{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.5rem 1.25rem;margin:1.75rem 0 0}
dd{margin:0}
code{font:.875rem ui-monospace,SFMono-Regular,Menlo,monospace}
.badges{display:flex;flex-wrap:wrap;gap:.375rem;margin-top:.25rem}
.badge{display:inline-block;padding:0 .5rem;border:1px solid transparent;border-radius:1rem;font-size:.8125rem;font-weight:600;white-space:nowrap}
.pro{border-color:var(--gold);background:#ffd21e;color:#000}
.good{background:var(--good-tint);color:var(--good)}
.plan{background:var(--plan);color:var(--on-plan)}
.role{border-color:var(--edge);color:var(--ink)}
ul{list-style:none;margin:0;padding:0}
li{display:flex;gap:.875rem;padding:.75rem 0}
li+li{border-top:1px solid var(--line)}
li img{flex:none;border-radius:22%;background:var(--line)}
li div{min-width:0}
li :is(b,small){display:block;line-height:1.35}
@media (max-width:26rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.625rem}.actions>*,.actions .button{flex:1 1 100%;width:100%}}
`
