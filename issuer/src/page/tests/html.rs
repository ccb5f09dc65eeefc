//! Reads the HTML that this room writes: tags, attributes in double quotes, text. What the templates
//! do not write, such as comments and bare attributes with `>`, it does not understand.

use std::collections::BTreeMap;

/// A start tag.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) repeated: Vec<String>,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

/// A document: tags and texts in order; an end tag is a tag named `/name`.
pub(super) enum Node {
    Tag(Tag),
    Text(String),
}

pub(super) fn parse(html: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        push_text(&mut nodes, &rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag ends");
        nodes.push(Node::Tag(tag(&rest[start + 1..end])));
        rest = &rest[end + 1..];
    }
    push_text(&mut nodes, rest);
    nodes
}

fn push_text(nodes: &mut Vec<Node>, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.is_empty() {
        nodes.push(Node::Text(text));
    }
}

fn tag(inside: &str) -> Tag {
    let inside = inside.trim_end_matches('/');
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut tag = Tag { name: name.to_owned(), attributes: BTreeMap::new(), repeated: Vec::new() };
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return tag;
        }
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let value = match rest.strip_prefix("=\"") {
            Some(quoted) => {
                let end = quoted.find('"').expect("an attribute ends");
                rest = &quoted[end + 1..];
                quoted[..end].to_owned()
            }
            None => String::new(),
        };
        if tag.attributes.insert(name.clone(), value).is_some() {
            tag.repeated.push(name);
        }
    }
}

pub(super) fn tags(html: &str) -> Vec<Tag> {
    let only_tag = |node| match node {
        Node::Tag(tag) => Some(tag),
        Node::Text(_) => None,
    };
    parse(html).into_iter().filter_map(only_tag).collect()
}

pub(super) fn texts(html: &str) -> Vec<String> {
    let only_text = |node| match node {
        Node::Text(text) => Some(text),
        Node::Tag(_) => None,
    };
    parse(html).into_iter().filter_map(only_text).collect()
}
