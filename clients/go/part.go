package weir

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	weirv1 "weir.example/go/weir/v1"
)

// deltaOf says which delta fills which kind of part; a kind that is not here comes whole.
var deltaOf = map[protoreflect.Name]protoreflect.Name{
	"text":             "text",
	"reasoning":        "text",
	"refusal":          "text",
	"tool_call":        "arguments_json",
	"server_tool_call": "arguments_json",
	"media":            "inline_data",
}

// partFold is one part: what it began with, what its deltas say, and what its end adds.
type partFold struct {
	whole     *weirv1.Part
	kind      protoreflect.Name // empty: one that these stubs do not know
	delta     protoreflect.Name // which delta fills it; empty: none does
	text      strings.Builder   // texts, arguments or bytes, joined once
	citations []*weirv1.Citation
	logprobs  []*weirv1.TokenLogprob
}

func newPartFold(start *weirv1.PartStart) (*partFold, error) {
	whole := &weirv1.Part{}
	if start.GetPart() != nil {
		whole = proto.CloneOf(start.GetPart())
	}
	kind := oneofSet(whole, "kind")
	if kind == "" && len(whole.ProtoReflect().GetUnknown()) == 0 {
		return nil, violation("part %d opened without a kind", start.GetIndex())
	}
	return &partFold{
		whole:     whole,
		kind:      kind,
		delta:     deltaOf[kind],
		citations: whole.GetCitations(),
	}, nil
}

func (p *partFold) add(delta *weirv1.PartDelta) error {
	// A kind that these stubs do not know is filled by who knows what.
	if which := oneofSet(delta, "delta"); which != "" && p.kind != "" {
		if which != p.delta {
			return violation("a delta of %s for part %d, a %s", which, delta.GetIndex(), p.kind)
		}
		p.text.WriteString(delta.GetText())
		p.text.WriteString(delta.GetArgumentsJson())
		p.text.Write(delta.GetInlineData())
	}
	for _, logprob := range delta.GetLogprobs() {
		p.logprobs = append(p.logprobs, proto.CloneOf(logprob))
	}
	p.cite(delta.GetCitations())
	return nil
}

// finish joins the deltas onto the part, then lets the end's part override.
func (p *partFold) finish(end *weirv1.PartEnd) error {
	p.join()
	if final := end.GetPart(); final != nil {
		kind := oneofSet(final, "kind")
		if kind != "" && p.kind != "" && kind != p.kind {
			return violation("part %d began as %s and ended as %s", end.GetIndex(), p.kind, kind)
		}
		p.override(final, kind)
	}
	p.whole.Citations = unique(p.citations)
	return nil
}

func (p *partFold) join() {
	if p.text.Len() == 0 {
		return
	}
	joined := p.text.String()
	switch kind := p.whole.Kind.(type) {
	case *weirv1.Part_Text:
		kind.Text += joined
	case *weirv1.Part_Reasoning:
		kind.Reasoning.Text += joined
	case *weirv1.Part_Refusal:
		kind.Refusal.Text += joined
	case *weirv1.Part_ToolCall:
		kind.ToolCall.ArgumentsJson += joined
	case *weirv1.Part_ServerToolCall:
		kind.ServerToolCall.ArgumentsJson += joined
	case *weirv1.Part_Media:
		data := append(kind.Media.GetInlineData(), joined...)
		kind.Media.Source = &weirv1.MediaPart_InlineData{InlineData: data}
	}
}

func (p *partFold) override(final *weirv1.Part, kind protoreflect.Name) {
	p.cite(final.GetCitations())
	joined := p.whole.GetText()
	if kind != "" && p.kind != "" && p.delta == "" {
		p.whole.Kind = nil // it comes whole: merging would double what repeats
	}
	proto.Merge(p.whole, final)
	if kind == "text" && final.GetText() == "" {
		p.whole.Kind = &weirv1.Part_Text{Text: joined} // an empty text only names the kind
	}
}

func (p *partFold) cite(citations []*weirv1.Citation) {
	for _, citation := range citations {
		p.citations = append(p.citations, proto.CloneOf(citation))
	}
}

// unique gives every source once, in order: an end may repeat what deltas said.
func unique(citations []*weirv1.Citation) []*weirv1.Citation {
	var once []*weirv1.Citation
	seen := map[string]bool{}
	for _, citation := range citations {
		// Bytes that cannot be written are not equal to any others.
		key, err := proto.MarshalOptions{Deterministic: true}.Marshal(citation)
		if err != nil || !seen[string(key)] {
			once = append(once, citation)
		}
		seen[string(key)] = true
	}
	return once
}
