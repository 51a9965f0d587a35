//! The parts of an HTML page that are the same for every plan.

pub(super) const STYLE: &str = "\
body{font:14px/1.45 Helvetica,Arial,sans-serif;margin:24px;color:#1f2933}h1{font-size:20px}h2{font-size:16px;margin-top:28px}\
.picture{overflow:auto;border:1px solid #e4e7eb;max-height:80vh}table{border-collapse:collapse}\
td,th{padding:3px 14px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid #eef1f4}td{overflow-wrap:anywhere;max-width:90ch}\
td.n,th.n{text-align:right;white-space:nowrap}a{color:#1f5fa8;text-decoration:none}a:hover{text-decoration:underline}\
input{font:inherit;padding:4px 8px;width:22em}.find{display:flex;gap:12px;align-items:baseline;flex-wrap:wrap;margin:8px 0}\
.about{overflow-wrap:anywhere;min-height:3em;max-height:9em;overflow:auto;margin:8px 0;color:#3e4c59}summary{cursor:pointer;color:#1f5fa8}\
.table{cursor:pointer}p{max-width:110ch}";

/// The search field, and where the script writes about the chosen table.
pub(super) const FIND: &str = "\
<div class=\"find\"><label for=\"find\">Find a table</label><input id=\"find\" type=\"search\" autocomplete=\"off\" placeholder=\"part of its name; Enter goes to the next\">\
<span id=\"found\"></span></div>\n<div class=\"about\" id=\"about\">Point at a table to see its lookups; click to keep them marked, Esc to let go.</div>\n";

/// Pointing at a table lights up its lookups and neighbours, a click keeps them; the search field and all names lead to the boxes. `heads` comes before it.
pub(super) const SCRIPT: &str = r##"
const svg=document.querySelector('.picture svg'),about=document.getElementById('about'),find=document.getElementById('find'),found=document.getElementById('found');
const hint=about.textContent,names=[];
for(const a of document.querySelectorAll('#waves a'))names[+a.hash.slice(2)]=a.textContent;
const tails=names.map(()=>[]);heads.forEach((to,from)=>to.forEach(n=>tails[n].push(from)));
const box=n=>document.getElementById('t'+n);
let pinned=null,hits=[],at=0;
function clear(){svg.classList.remove('on');for(const e of svg.querySelectorAll('.lit,.near,.here'))e.classList.remove('lit','near','here')}
function mark(n){clear();svg.classList.add('on');
for(const e of svg.querySelectorAll('.n'+n))e.classList.add('lit');
for(const m of heads[n].concat(tails[n]))box(m).classList.add('lit','near');
box(n).classList.add('lit','here')}
function list(to,word,all){if(!all.length)return;to.append(document.createElement('br'),word+' ('+all.length+'): ');
all.forEach((m,i)=>{const a=document.createElement('a');a.href='#t'+m;a.textContent=names[m];to.append(i?', ':'',a)})}
function tell(n){about.textContent='';const name=document.createElement('b');name.textContent=names[n];about.append(name,box(n).querySelector('title').textContent.slice(names[n].length).split(';')[0]);
list(about,'points to',heads[n]);list(about,'named by',tails[n])}
function pin(n,go){pinned=n;if(n===null){clear();about.textContent=hint;return}
mark(n);tell(n);if(go){svg.parentNode.scrollIntoView({block:'nearest'});box(n).scrollIntoView({block:'center',inline:'center'})}}
for(const g of svg.querySelectorAll('g[id^=t]')){const n=+g.id.slice(1);
g.addEventListener('mouseenter',()=>{if(pinned===null)mark(n)});
g.addEventListener('mouseleave',()=>{if(pinned===null)clear()});
g.addEventListener('click',e=>{e.stopPropagation();pin(pinned===n?null:n)})}
svg.addEventListener('click',()=>pin(null));
document.addEventListener('keydown',e=>{if(e.key==='Escape')pin(null)});
document.addEventListener('click',e=>{const a=e.target.closest('a[href^="#t"]');if(a){e.preventDefault();pin(+a.hash.slice(2),true)}});
function next(by){if(!hits.length)return;at=(at+by)%hits.length;found.textContent=(at+1)+' of '+hits.length;pin(hits[at],true)}
find.addEventListener('input',()=>{const q=find.value.trim().toLowerCase();at=0;
const rank=n=>{const s=names[n].toLowerCase();return s===q?0:s.startsWith(q)?1:2};
hits=q?names.map((s,n)=>n).filter(n=>names[n].toLowerCase().includes(q)).sort((a,b)=>rank(a)-rank(b)||(names[a]<names[b]?-1:1)):[];
found.textContent=q?'no table has this in its name':'';if(hits.length)next(0);else pin(null)});
find.addEventListener('keydown',e=>{if(e.key==='Enter')next(1)});
if(/^#t\d+$/.test(location.hash)&&box(+location.hash.slice(2)))pin(+location.hash.slice(2),true);
"##;
