"""Small sentence encoders that tests make themselves."""

from __future__ import annotations

from pathlib import Path

WORDS = ("red", "blue", "shoe", "hat", "item", "find", "men", "a", "x", *"0123456789", "##s", ",", "q0", "q1")


def tiny_bert(folder: Path, seed: int = 0) -> Path:
    """Write a BERT of two layers and sixteen numbers, with a tokenizer of a few words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    vocabulary = {word: place for place, word in enumerate((*special.values(), *WORDS))}
    words = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=32, **special).save_pretrained(folder)
    torch.manual_seed(seed)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=32, initializer_range=0.5, **shape)
    BertModel(config).save_pretrained(folder)
    return folder
